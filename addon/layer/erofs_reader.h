// Looks names up in an image that this program wrote, without mounting it. Every offset is checked against the file: who can
// change it must not be able to do more than to be refused.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "layer/bytes.h"
#include "layer/erofs_format.h"
#include "layer/errors.h"

namespace gantry::layer {

struct StoredInode {
  std::uint16_t mode = 0;  // type and permissions
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;  // seconds since the epoch
  std::map<std::string, std::string> xattrs;

  // Where the content is.
  erofs::Layout layout = erofs::Layout::plain;
  std::uint64_t size = 0;
  std::uint32_t place = 0;
  std::uint64_t tail_at = 0;  // bytes from the file's start, behind inode and attributes

  [[nodiscard]] bool directory() const { return (mode & 0170000) == 0040000; }
  // Hides what lower layers have under its name.
  [[nodiscard]] bool whiteout() const { return (mode & 0170000) == 0020000 && place == 0; }
  // Hides what lower layers have in it.
  [[nodiscard]] bool opaque() const;
};

class ErofsReader {
 public:
  // `size` of the file in bytes. Malformed where it is no image of this program's.
  [[nodiscard]] static Result<ErofsReader> open(int fd, std::uint64_t size);

  // The inodes from the root down along the names. It ends early where one is absent or no directory.
  [[nodiscard]] Result<std::vector<StoredInode>> walk(std::span<const std::string> names);

 private:
  ErofsReader(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::uint64_t length) const;
  template <typename T>
  [[nodiscard]] Result<T> read_object(std::uint64_t offset) const;
  [[nodiscard]] Result<StoredInode> inode(std::uint64_t nid) const;
  [[nodiscard]] Result<void> read_xattrs(StoredInode& inode, std::uint64_t offset, std::uint16_t count) const;
  [[nodiscard]] Result<std::optional<std::uint64_t>> look_up(const StoredInode& directory, std::string_view name);
  [[nodiscard]] Result<std::string_view> block(const StoredInode& directory, std::uint64_t index);

  int fd_;
  std::uint64_t size_;
  std::int64_t build_time_ = 0;
  StoredInode root_;
  // Blocks of directories that were read last, by their place in the file: those in the middle of a search are wanted again and again.
  std::unordered_map<std::uint64_t, std::string> blocks_;
  std::deque<std::uint64_t> oldest_;
};

}  // namespace gantry::layer
