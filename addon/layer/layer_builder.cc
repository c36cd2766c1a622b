#include "layer/layer_builder.h"

#include <sys/stat.h>

#include "layer/file_content.h"
#include "layer/implied_directories.h"
#include "layer/super_block.h"
#include "layer/tree_writer.h"
#include "layer/xattrs.h"

namespace gantry::layer {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

// aufs's own files are none: they are kept out of sight (live_entries), for old layers' hard links lead to them.
bool is_whiteout(std::string_view name) {
  return name == kOpaque || (name.starts_with(kWhiteout) && !name.starts_with(kAufsPrefix));
}

Inode inode_of(const TarMember& member, std::uint32_t type, std::string_view xattrs) {
  Inode inode;
  inode.mode = static_cast<std::uint16_t>(type | member.mode);
  inode.uid = member.uid;
  inode.gid = member.gid;
  inode.mtime = member.mtime;
  inode.xattrs = xattrs;
  return inode;
}

// As the kernel packs device numbers into 32 bits (new_encode_dev).
std::uint32_t encode_device(std::uint32_t device_major, std::uint32_t device_minor) {
  return (device_minor & 0xff) | device_major << 8 | (device_minor & ~0xffU) << 12;
}

struct Kind {
  EntryType entry;
  std::uint32_t mode;
};

Kind kind_of(TarMember::Type type) {
  switch (type) {
    case TarMember::Type::character_device: return {EntryType::character_device, S_IFCHR};
    case TarMember::Type::block_device: return {EntryType::block_device, S_IFBLK};
    case TarMember::Type::fifo: return {EntryType::fifo, S_IFIFO};
    default: return {EntryType::regular, S_IFREG};
  }
}

}  // namespace

LayerBuilder::LayerBuilder(ImageFile& image, const BuildOptions& options)
    : image_(image),
      options_(options),
      tree_(options.hash_seed, options.maximum_entries),
      resolver_(tree_),
      inodes_(image) {}

Result<void> LayerBuilder::begin() { return image_.append_zeros(erofs::kBlock); }

Result<std::string> LayerBuilder::xattrs_of(const TarMember& member) {
  if (member.xattrs.empty()) return std::string();
  auto encoded = encode_xattrs(member.xattrs, member.type);
  if (!encoded) return std::move(encoded.error());
  summary_.dropped_xattrs += encoded->dropped;
  return std::move(encoded->bytes);
}

Result<void> LayerBuilder::apply(const TarMember& member, TarReader& reader) {
  // Builds with a fixed time for everything get by with small inodes.
  if (summary_.members++ == 0) inodes_.set_epoch(member.mtime);
  auto where = resolver_.locate(member.name);
  if (!where) return std::move(where.error());
  if (is_whiteout(where->name)) return apply_whiteout(*where, where->name.substr(kWhiteout.size()));

  const bool is_root = where->name.empty();
  if (is_root && member.type != TarMember::Type::directory) return {};
  const EntryId existing = is_root ? kRoot : tree_.find(where->parent, where->name);
  if (member.type == TarMember::Type::directory) return apply_directory(member, existing, *where);
  if (member.type == TarMember::Type::hard_link) return apply_hard_link(member, existing, *where);
  if (existing != kNoEntry) tree_.remove(existing);
  if (member.type == TarMember::Type::symlink) return apply_symlink(member, *where);
  return apply_file(member, *where, reader);
}

// A whiteout hides what lower layers have, never what this one has, in whatever order they come (layer.md, "Whiteouts").
Result<void> LayerBuilder::apply_whiteout(const Location& where, std::string_view hidden) {
  if (where.name == kOpaque) {
    tree_.directory(where.parent).opaque = true;
    return {};
  }
  if (hidden.empty() || hidden == "." || hidden == "..") return malformed("the whiteout names nothing that can be hidden");
  const EntryId existing = tree_.find(where.parent, hidden);
  if (existing == kNoEntry) {
    auto added = tree_.add(where.parent, hidden, EntryType::whiteout);
    if (!added) return std::move(added.error());
  } else if (tree_[existing].type == EntryType::directory) {
    tree_.directory(existing).opaque = true;
    tree_.directory(existing).fresh = true;
  }
  return {};
}

void LayerBuilder::describe_directory(EntryId id, const TarMember& member, std::string xattrs) {
  Directory& directory = tree_.directory(id);
  directory.named = true;
  directory.mode = member.mode;
  directory.uid = member.uid;
  directory.gid = member.gid;
  directory.mtime = member.mtime;
  directory.xattrs = std::move(xattrs);
}

Result<void> LayerBuilder::apply_directory(const TarMember& member, EntryId existing, const Location& where) {
  auto xattrs = xattrs_of(member);
  if (!xattrs) return std::move(xattrs.error());
  EntryId id = existing;
  if (existing == kNoEntry || tree_[existing].type != EntryType::directory) {
    if (existing != kNoEntry) tree_.remove(existing);
    auto added = tree_.add(where.parent, where.name, EntryType::directory);
    if (!added) return std::move(added.error());
    id = *added;
    // A file or whiteout came first, and with it went what lower layers have here.
    tree_.directory(id).opaque = existing != kNoEntry;
  }
  describe_directory(id, member, std::move(*xattrs));
  return {};
}

Result<void> LayerBuilder::apply_symlink(const TarMember& member, const Location& where) {
  constexpr std::size_t kMaximumTarget = 4095;
  if (member.link_name.empty()) return malformed("the symlink has no target");
  if (member.link_name.size() > kMaximumTarget) return malformed("the symlink's target is longer than 4,095 bytes");
  auto xattrs = xattrs_of(member);
  if (!xattrs) return std::move(xattrs.error());
  Inode inode = inode_of(member, S_IFLNK, *xattrs);
  inode.mode = S_IFLNK | 0777;
  inode.size = member.link_name.size();
  Bytes behind = as_bytes(member.link_name);
  if (behind.size() <= inodes_.inline_room(inode)) {
    inode.layout = erofs::Layout::inline_tail;
  } else {
    inode.place = image_.block();
    GANTRY_TRY(image_.append(behind));
    GANTRY_TRY(image_.pad_to_block());
    behind = {};
  }
  auto placed = inodes_.write(inode, behind);
  if (!placed) return std::move(placed.error());
  auto added = tree_.add_symlink(where.parent, where.name, member.link_name);
  if (!added) return std::move(added.error());
  tree_[*added].inode = placed->nid;
  tree_[*added].extended = placed->extended;
  return {};
}

// The link gets its target's inode; what the member itself says of owner and mode is the target's already.
Result<void> LayerBuilder::apply_hard_link(const TarMember& member, EntryId existing, const Location& where) {
  const std::string to = "the hard link's target " + member.link_name;
  auto found = resolver_.look_up(member.link_name);
  if (!found) return std::move(found.error());
  const EntryId target = *found;
  if (target == kNoEntry || tree_[target].type == EntryType::whiteout) {
    return malformed(to + " is not in this layer (a link can only lead to an earlier member)");
  }
  if (tree_[target].type == EntryType::directory) return malformed(to + " is a directory");
  if (target == existing) return {};

  tree_[target].linked = true;
  const Entry origin = tree_[target];
  if (existing != kNoEntry) tree_.remove(existing);
  auto added = origin.type == EntryType::symlink
                   ? tree_.add_symlink(where.parent, where.name, tree_.symlink_target(target))
                   : tree_.add(where.parent, where.name, origin.type);
  if (!added) return std::move(added.error());
  tree_[*added].inode = origin.inode;
  tree_[*added].extended = origin.extended;
  tree_[*added].linked = true;
  return {};
}

Result<void> LayerBuilder::apply_file(const TarMember& member, const Location& where, TarReader& reader) {
  auto xattrs = xattrs_of(member);
  if (!xattrs) return std::move(xattrs.error());
  const Kind kind = kind_of(member.type);
  Inode inode = inode_of(member, kind.mode, *xattrs);
  StoredContent content;
  if (kind.mode == S_IFREG) {
    inode.size = member.size;
    auto stored = store_content(reader, member, image_, inodes_.inline_room(inode), options_.expand_holes);
    if (!stored) return std::move(stored.error());
    content = std::move(*stored);
    inode.layout = content.layout;
    inode.place = content.place;
    summary_.chunked = summary_.chunked || content.layout == erofs::Layout::chunks;
  } else if (kind.mode != S_IFIFO) {
    inode.place = encode_device(member.device_major, member.device_minor);
  }
  auto placed = inodes_.write(inode, content.behind);
  if (!placed) return std::move(placed.error());
  auto added = tree_.add(where.parent, where.name, kind.entry);
  if (!added) return std::move(added.error());
  tree_[*added].inode = placed->nid;
  tree_[*added].extended = placed->extended;
  return {};
}

Result<BuildSummary> LayerBuilder::finish(const std::string& diff_id) {
  summary_.root_opaque = tree_.directory(kRoot).opaque;
  const std::vector<bool> live = live_entries(tree_);
  auto implied = implied_directories(tree_, live);
  if (!implied) return std::move(implied.error());
  summary_.implied_directories = std::move(*implied);

  TreeWriter writer(tree_, live, image_, inodes_);
  auto root = writer.write();
  if (!root) return std::move(root.error());
  summary_.whiteouts = writer.whiteouts();
  GANTRY_TRY(write_super_block(image_, {.root = *root,
                                        .epoch = inodes_.epoch(),
                                        .inodes = inodes_.count(),
                                        .chunked = summary_.chunked,
                                        .diff_id = diff_id}));
  return std::move(summary_);
}

}  // namespace gantry::layer
