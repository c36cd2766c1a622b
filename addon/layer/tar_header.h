// The 512-byte header of a tar member: v7, ustar, GNU and star flavours (POSIX.1-1988; GNU tar's "Basic Tar Format").
#pragma once

#include <cstdint>
#include <string_view>

#include "layer/bytes.h"
#include "layer/errors.h"

namespace gantry::layer {

inline constexpr std::size_t kTarBlock = 512;

enum class TarFlavour { v7, ustar, star, gnu };

// A view of one header block; every accessor reads the field at its place. The block must outlive it.
class TarHeader {
 public:
  // Checks the checksum. The block has kTarBlock bytes.
  [[nodiscard]] static Result<TarHeader> parse(Bytes block);

  [[nodiscard]] TarFlavour flavour() const { return flavour_; }
  [[nodiscard]] char type() const { return static_cast<char>(block_[156]); }
  [[nodiscard]] std::string_view name() const { return text(0, 100); }
  [[nodiscard]] std::string_view link_name() const { return text(157, 100); }
  // What precedes the name, and a slash; empty in flavours that keep something else there.
  [[nodiscard]] std::string_view prefix() const;

  [[nodiscard]] Result<std::int64_t> mode() const { return number(100, 8, "mode"); }
  [[nodiscard]] Result<std::int64_t> uid() const { return number(108, 8, "uid"); }
  [[nodiscard]] Result<std::int64_t> gid() const { return number(116, 8, "gid"); }
  [[nodiscard]] Result<std::int64_t> size() const { return number(124, 12, "size"); }
  [[nodiscard]] Result<std::int64_t> mtime() const { return number(136, 12, "mtime"); }
  [[nodiscard]] Result<std::int64_t> device_major() const;
  [[nodiscard]] Result<std::int64_t> device_minor() const;

  // GNU's old sparse format (type 'S'): the size of the file with its holes, and the first part of its map.
  [[nodiscard]] Result<std::int64_t> sparse_real_size() const { return number(483, 12, "sparse size"); }
  [[nodiscard]] Bytes sparse_map() const { return block_.subspan(386, 4 * 24); }
  [[nodiscard]] bool sparse_continues() const { return block_[482] != 0; }

 private:
  explicit TarHeader(Bytes block) : block_(block) {}
  [[nodiscard]] std::string_view text(std::size_t at, std::size_t length) const;
  [[nodiscard]] Result<std::int64_t> number(std::size_t at, std::size_t length, std::string_view field) const;

  Bytes block_;
  TarFlavour flavour_ = TarFlavour::v7;
};

// A numeric field: octal digits between spaces and NULs, or base 256 where the first bit is set (GNU, star).
[[nodiscard]] Result<std::int64_t> parse_tar_number(Bytes field, std::string_view name);

[[nodiscard]] bool is_zero_block(Bytes block);

}  // namespace gantry::layer
