// Extended attributes: which of an archive's are kept, and how EROFS stores them behind an inode.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "layer/errors.h"
#include "layer/tar_member.h"

namespace gantry::layer {

struct EncodedXattrs {
  std::string bytes;         // header and entries; empty where there are none
  std::uint32_t dropped = 0;  // attributes that were left out
};

// Dropped, as containerd does: everything in `trusted.` (no image may steer overlayfs through it), `user.` on anything
// but files and directories, and name spaces that Linux does not have. Also `user.overlay.`, which steers overlayfs in a
// user namespace.
[[nodiscard]] Result<EncodedXattrs> encode_xattrs(const std::vector<Xattr>& xattrs, TarMember::Type type);

// Appends one of overlayfs's own marks, `trusted.overlay.<name>`, to what encode_xattrs made.
void append_overlay_mark(std::string& encoded, std::string_view name, std::string_view value);

// What was encoded, by whole names. Malformed where this program would not have written it so.
[[nodiscard]] Result<std::map<std::string, std::string>> decode_xattrs(std::string_view encoded);

// The value of an inode's i_xattr_icount.
[[nodiscard]] std::uint16_t xattr_count(std::string_view encoded);

}  // namespace gantry::layer
