#include "layer/tree_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "layer/dirent_blocks.h"
#include "layer/super_block.h"
#include "layer/xattrs.h"

namespace gantry::layer {

TreeWriter::TreeWriter(Tree& tree, const std::vector<bool>& live, ImageFile& image, InodeWriter& inodes)
    : tree_(tree),
      live_(live),
      image_(image),
      inodes_(inodes),
      first_child_(tree.directories().size() + 1),
      subdirectories_(tree.directories().size()),
      has_whiteouts_(tree.directories().size()),
      placements_(tree.directories().size()) {}

Result<std::string> TreeWriter::write() {
  group_children();
  GANTRY_TRY(write_whiteout());
  GANTRY_TRY(correct_links());
  GANTRY_TRY(inodes_.close());

  auto& directories = tree_.directories();
  mark_for_overlayfs();
  // Numbers before content: every directory names its parent and its children.
  for (std::size_t index = 0; index < directories.size(); ++index) measure(index);
  place_inodes();
  for (std::size_t index = 0; index < directories.size(); ++index) GANTRY_TRY(write_content(index));
  for (std::size_t index = 1; index < directories.size(); ++index) GANTRY_TRY(write_inode(index));
  GANTRY_TRY(image_.pad_to_block());
  return inodes_.encode(inode_of(0));
}

// Live entries, sorted by directory and, within one, as EROFS looks names up: by their bytes.
void TreeWriter::group_children() {
  for (EntryId id = kRoot + 1; id < tree_.size(); ++id) {
    if (live_[id]) ++first_child_[tree_[tree_[id].parent].inode + 1];
  }
  for (std::size_t i = 1; i < first_child_.size(); ++i) first_child_[i] += first_child_[i - 1];
  children_.resize(first_child_.back());
  std::vector<std::uint32_t> next(first_child_.begin(), first_child_.end() - 1);
  for (EntryId id = kRoot + 1; id < tree_.size(); ++id) {
    if (!live_[id]) continue;
    const std::uint64_t parent = tree_[tree_[id].parent].inode;
    children_[next[parent]++] = id;
    if (tree_[id].type == EntryType::directory) ++subdirectories_[parent];
    if (tree_[id].type == EntryType::whiteout) {
      has_whiteouts_[parent] = true;
      ++whiteouts_;
    }
  }
  for (std::size_t index = 0; index + 1 < first_child_.size(); ++index) {
    std::sort(children_.begin() + first_child_[index], children_.begin() + first_child_[index + 1],
              [this](EntryId a, EntryId b) { return tree_.name(a) < tree_.name(b); });
  }
}

void TreeWriter::mark_for_overlayfs() {
  for (std::size_t index = 0; index < tree_.directories().size(); ++index) {
    Directory& directory = tree_.directories()[index];
    if (directory.opaque) append_overlay_mark(directory.xattrs, "opaque", "y");
    // Where no other layer has the directory, overlayfs would list its whiteouts as files. This mark, which says that the
    // directory was copied from an origin unknown, makes it look for them (fs/overlayfs/inode.c, ovl_get_inode).
    if (has_whiteouts_[index]) append_overlay_mark(directory.xattrs, "origin", "");
  }
}

// All whiteouts are links to one device 0:0, as overlayfs itself makes them where it can.
Result<void> TreeWriter::write_whiteout() {
  if (whiteouts_ == 0) return {};
  Inode inode;
  inode.mode = S_IFCHR;
  inode.links = static_cast<std::uint32_t>(whiteouts_);
  inode.mtime = inodes_.epoch();
  auto placed = inodes_.write(inode, {});
  if (!placed) return std::move(placed.error());
  whiteout_nid_ = placed->nid;
  return {};
}

// Inodes were written as having one name; those that got more, or lost some of them again, are corrected in place.
Result<void> TreeWriter::correct_links() {
  std::vector<EntryId> linked;
  std::copy_if(children_.begin(), children_.end(), std::back_inserter(linked),
               [this](EntryId id) { return tree_[id].linked; });
  std::sort(linked.begin(), linked.end(), [this](EntryId a, EntryId b) { return tree_[a].inode < tree_[b].inode; });
  for (std::size_t first = 0; first < linked.size();) {
    const Entry& entry = tree_[linked[first]];
    std::size_t end = first + 1;
    while (end < linked.size() && tree_[linked[end]].inode == entry.inode) ++end;
    GANTRY_TRY(set_links(entry, static_cast<std::uint32_t>(end - first)));
    first = end;
  }
  return {};
}

Result<void> TreeWriter::set_links(const Entry& entry, std::uint32_t links) {
  const std::uint64_t at = entry.inode * erofs::kSlot;
  if (entry.extended) return inodes_.patch(at + erofs::kExtendedLinksAt, bytes_of(links));
  if (links > UINT16_MAX) return over_limit("a file has more than 65,535 hard links");
  return inodes_.patch(at + erofs::kCompactLinksAt, bytes_of(static_cast<std::uint16_t>(links)));
}

std::uint64_t TreeWriter::nid_of(EntryId id) const {
  const Entry& entry = tree_[id];
  if (entry.type == EntryType::directory) return placements_[entry.inode].nid;
  return entry.type == EntryType::whiteout ? whiteout_nid_ : entry.inode;
}

// With `.` and `..`, which are entries like others and sorted among them.
template <typename Visit>
void TreeWriter::for_each_dirent(std::size_t index, Visit visit) const {
  const EntryId self = tree_.directories()[index].entry;
  const std::string_view dots[] = {".", ".."};
  const EntryId dot_entries[] = {self, tree_[self].parent};
  std::size_t dot = 0;
  for (std::uint32_t i = first_child_[index]; i < first_child_[index + 1]; ++i) {
    const EntryId child = children_[i];
    const std::string_view name = tree_.name(child);
    for (; dot < 2 && dots[dot] < name; ++dot) visit(dots[dot], dot_entries[dot]);
    visit(name, child);
  }
  for (; dot < 2; ++dot) visit(dots[dot], dot_entries[dot]);
}

void TreeWriter::measure(std::size_t index) {
  DirentSizer sizer;
  for_each_dirent(index, [&sizer](std::string_view name, EntryId) { sizer.add(name.size()); });
  placements_[index].size = sizer.size();
}

// In the order of the inodes: the root beside the superblock, the others packed behind all directories' whole blocks.
void TreeWriter::place_inodes() {
  for (std::size_t index = 1; index < placements_.size(); ++index) {
    Placement& placement = placements_[index];
    const std::uint64_t tail = placement.size - (placement.blocks() - 1) * erofs::kBlock;
    placement.inlined = tail <= inodes_.inline_room(inode_of(index));
  }
  std::uint32_t block = image_.block();
  for (Placement& placement : placements_) {
    placement.first_block = block;
    block += static_cast<std::uint32_t>(placement.whole_blocks());
  }
  placements_[0].nid = kRootNid;
  std::uint64_t at = std::uint64_t{block} * erofs::kBlock;
  for (std::size_t index = 1; index < placements_.size(); ++index) {
    Placement& placement = placements_[index];
    const std::uint64_t tail = placement.inlined ? placement.size - placement.whole_blocks() * erofs::kBlock : 0;
    const std::uint64_t total = inodes_.head_size(inode_of(index)) + tail;
    if (at % erofs::kBlock + total > erofs::kBlock) at = round_up(at, erofs::kBlock);
    placement.nid = at / erofs::kSlot;
    at = round_up(at + total, erofs::kSlot);
  }
}

Inode TreeWriter::inode_of(std::size_t index) const {
  const Directory& directory = tree_.directories()[index];
  const Placement& placement = placements_[index];
  Inode inode;
  inode.mode = static_cast<std::uint16_t>(S_IFDIR | directory.mode);
  inode.uid = directory.uid;
  inode.gid = directory.gid;
  inode.links = 2 + subdirectories_[index];
  inode.mtime = directory.mtime;
  inode.size = placement.size;
  inode.layout = placement.inlined ? erofs::Layout::inline_tail : erofs::Layout::plain;
  inode.place = placement.first_block;
  inode.xattrs = directory.xattrs;
  return inode;
}

// Blocks `first` to `first + count` of the directory's content; its last one is not padded.
std::string TreeWriter::render(std::size_t index, std::uint64_t first, std::uint64_t count) const {
  DirentBlocks blocks(first, count);
  for_each_dirent(index, [this, &blocks](std::string_view name, EntryId id) {
    const EntryType type = tree_[id].type;
    const auto file_type = type == EntryType::whiteout ? EntryType::character_device : type;
    blocks.add(name, nid_of(id), static_cast<std::uint8_t>(file_type));
  });
  return blocks.take();
}

Result<void> TreeWriter::write_content(std::size_t index) {
  const std::uint64_t whole = placements_[index].whole_blocks();
  if (whole == 0) return {};
  GANTRY_TRY(image_.append(as_bytes(render(index, 0, whole))));
  return image_.pad_to_block();
}

Result<void> TreeWriter::write_inode(std::size_t index) {
  const Placement& placement = placements_[index];
  GANTRY_TRY(image_.append_zeros(placement.nid * erofs::kSlot - image_.position()));
  GANTRY_TRY(image_.append(as_bytes(inodes_.encode(inode_of(index)))));
  if (!placement.inlined) return {};
  return image_.append(as_bytes(render(index, placement.whole_blocks(), 1)));
}

}  // namespace gantry::layer
