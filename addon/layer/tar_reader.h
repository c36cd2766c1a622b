// A tar stream, member by member. What belongs to a member (PAX and GNU extension headers, sparse maps) is read with it.
#pragma once

#include <optional>
#include <string>

#include "layer/input.h"
#include "layer/sha256.h"
#include "layer/tar_header.h"
#include "layer/tar_member.h"
#include "layer/tar_pax.h"

namespace gantry::layer {

class TarReader {
 public:
  explicit TarReader(Input& input) : input_(input) {}

  // False at the archive's end: two zero blocks, or the end of the stream where a header could begin.
  [[nodiscard]] Result<bool> next(TarMember& member);

  // The next stretch of the member's stored content; empty when there is no more. Valid until the next call.
  [[nodiscard]] Result<Bytes> content();

  // Reads on to the end of the stream, whatever follows the archive.
  [[nodiscard]] Result<void> drain();

  // Of the whole stream, once drained.
  [[nodiscard]] std::string diff_id();
  // Bytes of the stream consumed so far.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

 private:
  [[nodiscard]] Result<Bytes> take(std::uint64_t most);
  [[nodiscard]] Result<Bytes> block();
  [[nodiscard]] Result<std::string> extension(const TarHeader& header, std::string_view what);
  [[nodiscard]] Result<bool> read_extension(const TarHeader& header);
  [[nodiscard]] Result<void> expect_end(bool after_extension);
  [[nodiscard]] Result<void> describe(const TarHeader& header, TarMember& member);
  [[nodiscard]] Result<void> read_fields(const TarHeader& header, TarMember& member);
  [[nodiscard]] Result<void> read_old_gnu_sparse(const TarHeader& header, TarMember& member);
  [[nodiscard]] Result<void> read_pax_sparse(PaxSparse& sparse, TarMember& member);
  [[nodiscard]] Result<void> skip_rest();

  Input& input_;
  Bytes piece_;
  std::uint64_t offset_ = 0;
  Sha256 hash_;

  std::uint64_t remaining_ = 0;
  std::uint64_t padding_ = 0;

  PaxRecords global_;
  PaxRecords own_;
  std::optional<std::string> long_name_;
  std::optional<std::string> long_link_;
};

}  // namespace gantry::layer
