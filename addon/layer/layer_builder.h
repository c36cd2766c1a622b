// Applies a tar's members, in order, as an OCI layer (image-spec, layer.md): into the tree and the image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layer/image_file.h"
#include "layer/inode_writer.h"
#include "layer/path.h"
#include "layer/tar_reader.h"
#include "layer/tree.h"

namespace gantry::layer {

struct BuildOptions {
  std::uint64_t maximum_entries = 0;
  std::uint64_t hash_seed = 0;
  bool expand_holes = false;
};

// What is told of the layer besides its digests.
struct BuildSummary {
  std::uint64_t members = 0;
  std::uint64_t whiteouts = 0;
  std::uint64_t dropped_xattrs = 0;
  bool chunked = false;
  bool root_opaque = false;
  std::vector<std::string> implied_directories;
};

class LayerBuilder {
 public:
  LayerBuilder(ImageFile& image, const BuildOptions& options);

  // Space for the superblock and the root; first of all.
  [[nodiscard]] Result<void> begin();
  // One member, its content read from `reader`.
  [[nodiscard]] Result<void> apply(const TarMember& member, TarReader& reader);
  // Directories and superblock. `diff_id` makes the file system's UUID.
  [[nodiscard]] Result<BuildSummary> finish(const std::string& diff_id);

 private:
  [[nodiscard]] Result<void> apply_whiteout(const Location& where, std::string_view hidden);
  [[nodiscard]] Result<void> apply_directory(const TarMember& member, EntryId existing, const Location& where);
  [[nodiscard]] Result<void> apply_symlink(const TarMember& member, const Location& where);
  [[nodiscard]] Result<void> apply_hard_link(const TarMember& member, EntryId existing, const Location& where);
  [[nodiscard]] Result<void> apply_file(const TarMember& member, const Location& where, TarReader& reader);
  [[nodiscard]] Result<std::string> xattrs_of(const TarMember& member);
  void describe_directory(EntryId id, const TarMember& member, std::string xattrs);

  ImageFile& image_;
  BuildOptions options_;
  Tree tree_;
  PathResolver resolver_;
  InodeWriter inodes_;
  BuildSummary summary_;
};

}  // namespace gantry::layer
