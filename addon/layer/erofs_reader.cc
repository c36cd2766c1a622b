#include "layer/erofs_reader.h"

#include <algorithm>
#include <cstring>

#include "layer/xattrs.h"
#include "linux/file_io.h"

namespace gantry::layer {
namespace {

constexpr std::size_t kBlocksKept = 64;
constexpr std::string_view kOpaque = "trusted.overlay.opaque";

Error damaged(const char* what) { return malformed(std::string("the layer's file is damaged: ") + what); }

template <typename T>
T object_at(std::string_view bytes, std::size_t offset) {
  T object;
  std::memcpy(&object, bytes.data() + offset, sizeof object);
  return object;
}

// Names of one block of entries, in the order of their bytes. The entries say where each begins; a name ends where the next one
// begins, the block's last one at its padding, which is zeros, or at the block's end.
class Names {
 public:
  [[nodiscard]] static Result<Names> of(std::string_view block) {
    if (block.size() < sizeof(erofs::Dirent)) return damaged("a block of entries is too short");
    const std::size_t table = object_at<erofs::Dirent>(block, 0).name_offset;
    if (table == 0 || table % sizeof(erofs::Dirent) != 0 || table > block.size()) {
      return damaged("a block of entries has no table");
    }
    return Names(block, table / sizeof(erofs::Dirent));
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] erofs::Dirent entry(std::size_t index) const {
    return object_at<erofs::Dirent>(block_, index * sizeof(erofs::Dirent));
  }

  [[nodiscard]] Result<std::string_view> name(std::size_t index) const {
    const std::size_t begin = entry(index).name_offset;
    std::size_t end = block_.size();
    if (index + 1 < count_) {
      end = entry(index + 1).name_offset;
    } else if (begin < end) {
      end = std::min(end, block_.find('\0', begin));
    }
    if (begin > end || end > block_.size()) return damaged("a name lies outside of its block");
    return block_.substr(begin, end - begin);
  }

 private:
  Names(std::string_view block, std::size_t count) : block_(block), count_(count) {}

  std::string_view block_;
  std::size_t count_;
};

}  // namespace

bool StoredInode::opaque() const {
  const auto mark = xattrs.find(std::string(kOpaque));
  return mark != xattrs.end() && mark->second == "y";
}

Result<ErofsReader> ErofsReader::open(int fd, std::uint64_t size) {
  ErofsReader reader(fd, size);
  auto super = reader.read_object<erofs::SuperBlock>(erofs::kSuperOffset);
  if (!super) return super.error();
  if (super->magic != erofs::kMagic || super->block_bits != erofs::kBlockBits) return malformed("this is no layer's file");
  reader.build_time_ = static_cast<std::int64_t>(super->build_time);
  auto root = reader.inode(super->root_nid);
  if (!root) return root.error();
  reader.root_ = std::move(*root);
  return reader;
}

Result<std::vector<StoredInode>> ErofsReader::walk(std::span<const std::string> names) {
  std::vector<StoredInode> found = {root_};
  for (const std::string& name : names) {
    if (!found.back().directory()) break;
    auto nid = look_up(found.back(), name);
    if (!nid) return nid.error();
    if (!nid->has_value()) break;
    auto next = inode(**nid);
    if (!next) return next.error();
    found.push_back(std::move(*next));
  }
  return found;
}

Result<std::string> ErofsReader::read(std::uint64_t offset, std::uint64_t length) const {
  if (offset > size_ || length > size_ - offset) return damaged("it points behind its end");
  std::string bytes(length, '\0');
  auto got = pread_full(fd_, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}, offset);
  if (!got) return got.error();
  if (*got != length) return damaged("it has become shorter");
  return bytes;
}

template <typename T>
Result<T> ErofsReader::read_object(std::uint64_t offset) const {
  auto bytes = read(offset, sizeof(T));
  if (!bytes) return bytes.error();
  return object_at<T>(*bytes, 0);
}

Result<StoredInode> ErofsReader::inode(std::uint64_t nid) const {
  if (nid > size_ / erofs::kSlot) return damaged("it points behind its end");
  const std::uint64_t at = nid * erofs::kSlot;
  auto compact = read_object<erofs::CompactInode>(at);
  if (!compact) return compact.error();
  StoredInode inode{.mode = compact->mode,
                    .uid = compact->uid,
                    .gid = compact->gid,
                    .mtime = build_time_,
                    .xattrs = {},
                    .layout = static_cast<erofs::Layout>((compact->format >> 1) & 7),
                    .size = compact->size,
                    .place = compact->place};
  std::uint64_t xattrs_at = at + sizeof(erofs::CompactInode);
  if ((compact->format & erofs::kFormatExtended) != 0) {
    auto extended = read_object<erofs::ExtendedInode>(at);
    if (!extended) return extended.error();
    inode.uid = extended->uid;
    inode.gid = extended->gid;
    inode.mtime = extended->mtime;
    inode.size = extended->size;
    xattrs_at = at + sizeof(erofs::ExtendedInode);
  }
  GANTRY_TRY(read_xattrs(inode, xattrs_at, compact->xattr_count));
  return inode;
}

Result<void> ErofsReader::read_xattrs(StoredInode& inode, std::uint64_t offset, std::uint16_t count) const {
  inode.tail_at = offset;
  if (count == 0) return {};
  const std::uint64_t length = sizeof(erofs::XattrHeader) + sizeof(erofs::XattrEntry) * (std::uint64_t{count} - 1);
  inode.tail_at += length;
  auto bytes = read(offset, length);
  if (!bytes) return bytes.error();
  auto xattrs = decode_xattrs(*bytes);
  if (!xattrs) return xattrs.error();
  inode.xattrs = std::move(*xattrs);
  return {};
}

// By halves, among the blocks and in a block: whoever made the image decides how large a directory is.
Result<std::optional<std::uint64_t>> ErofsReader::look_up(const StoredInode& directory, std::string_view name) {
  std::uint64_t first = 0, behind = (directory.size + erofs::kBlock - 1) / erofs::kBlock;
  while (first < behind) {
    const std::uint64_t middle = first + (behind - first) / 2;
    auto bytes = block(directory, middle);
    if (!bytes) return bytes.error();
    auto names = Names::of(*bytes);
    if (!names) return names.error();
    std::size_t low = 0, high = names->count();
    while (low < high) {
      const std::size_t at = low + (high - low) / 2;
      auto other = names->name(at);
      if (!other) return other.error();
      if (*other == name) return std::optional<std::uint64_t>(names->entry(at).nid);
      if (*other < name) {
        low = at + 1;
      } else {
        high = at;
      }
    }
    if (low == 0) {
      behind = middle;
    } else {
      first = middle + 1;
    }
  }
  return std::optional<std::uint64_t>();
}

Result<std::string_view> ErofsReader::block(const StoredInode& directory, std::uint64_t index) {
  if (directory.layout != erofs::Layout::plain && directory.layout != erofs::Layout::inline_tail) {
    return damaged("a directory is laid out like a file");
  }
  const std::uint64_t begin = index * erofs::kBlock;
  const bool tail = directory.layout == erofs::Layout::inline_tail && begin + erofs::kBlock > directory.size;
  const std::uint64_t at = tail ? directory.tail_at : std::uint64_t{directory.place} * erofs::kBlock + begin;
  if (const auto known = blocks_.find(at); known != blocks_.end()) return std::string_view(known->second);
  auto bytes = read(at, std::min<std::uint64_t>(erofs::kBlock, directory.size - begin));
  if (!bytes) return bytes.error();
  if (oldest_.size() == kBlocksKept) {
    blocks_.erase(oldest_.front());
    oldest_.pop_front();
  }
  oldest_.push_back(at);
  return std::string_view(blocks_.emplace(at, std::move(*bytes)).first->second);
}

}  // namespace gantry::layer
