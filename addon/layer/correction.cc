#include "layer/correction.h"

#include <algorithm>
#include <optional>

#include "layer/directory_tar.h"

namespace gantry::layer {
namespace {

// Each makes the layer on top, and the image's mount, larger.
constexpr std::size_t kMostCorrected = 50'000;
constexpr std::string_view kRoot = "/";

using Path = std::vector<std::string>;

struct Judgement {
  // What the uppermost layer that describes the directory says; none where no layer does.
  std::optional<StoredInode> described;
  // An invented directory above it says something else.
  bool differs = false;
  bool hides_other = false;
};

unsigned digit(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) & 15; }

// The report's form back into bytes.
Path decode(std::string_view path) {
  Path parts;
  std::string part;
  for (std::size_t at = 0; at <= path.size(); ++at) {
    if (at == path.size() || path[at] == '/') {
      if (!part.empty()) parts.push_back(std::move(part));
      part.clear();
    } else if (path[at] == '%' && at + 2 < path.size()) {
      part.push_back(static_cast<char>(digit(path[at + 1]) << 4 | digit(path[at + 2])));
      at += 2;
    } else {
      part.push_back(path[at]);
    }
  }
  return parts;
}

// The archive's; `trusted.` is overlayfs's, and the converter's.
std::map<std::string, std::string> own_xattrs(const StoredInode& inode) {
  auto own = inode.xattrs;
  std::erase_if(own, [](const auto& xattr) { return xattr.first.starts_with("trusted."); });
  return own;
}

// Times do not count: unpacking would have changed them as well.
bool differ(const StoredInode& a, const StoredInode& b) {
  return a.mode != b.mode || a.uid != b.uid || a.gid != b.gid || own_xattrs(a) != own_xattrs(b);
}

// From the top down, as overlayfs looks: until somebody describes the directory, or hides everything below.
Result<Judgement> judge(std::string_view path, std::vector<StackedLayer>& stack) {
  const Path names = decode(path);
  std::optional<StoredInode> invented;
  for (auto layer = stack.rbegin(); layer != stack.rend(); ++layer) {
    auto found = layer->image.walk(names);
    if (!found) return found.error();
    StoredInode& last = found->back();
    const bool whole = found->size() == names.size() + 1;
    if (whole && last.directory()) {
      if (!layer->is_implied.contains(path)) {
        const bool differs = invented && differ(last, *invented);
        return Judgement{std::move(last), differs, false};
      }
      if (!invented) invented = std::move(last);
      continue;
    }
    if (!last.directory()) return Judgement{std::nullopt, false, invented && !last.whiteout()};
    if (std::any_of(found->begin(), found->end(), [](const StoredInode& inode) { return inode.opaque(); })) break;
  }
  return Judgement{};
}

// '/a/b' → '/', '/a', '/a/b'
std::vector<std::string_view> with_parents(std::string_view path) {
  std::vector<std::string_view> all = {kRoot};
  for (std::size_t end = 1; end < path.size(); ++end) {
    end = std::min(path.find('/', end), path.size());
    all.push_back(path.substr(0, end));
  }
  return all;
}

// In the order of their first mention, each once.
std::vector<std::string_view> candidates(const std::vector<StackedLayer>& stack, std::size_t seen) {
  std::vector<std::string_view> all;
  std::unordered_set<std::string_view> known;
  for (std::size_t layer = seen + 1; layer < stack.size(); ++layer) {
    for (const std::string_view path : stack[layer].implied) {
      if (known.insert(path).second) all.push_back(path);
    }
  }
  if (seen > 0 && stack[seen].is_implied.contains(kRoot) && known.insert(kRoot).second) all.push_back(kRoot);
  return all;
}

// The layer on top is itself a stack of directories: parents must be named in it, or they would be invented again.
std::vector<std::string_view> named_for(const std::vector<std::string_view>& wrong) {
  std::vector<std::string_view> all;
  std::unordered_set<std::string_view> known;
  for (const std::string_view path : wrong) {
    for (const std::string_view parent : with_parents(path)) {
      if (known.insert(parent).second) all.push_back(parent);
    }
  }
  return all;
}

Result<std::string> tar_of(const std::vector<std::string_view>& paths, std::vector<StackedLayer>& stack) {
  std::vector<TarDirectory> directories;
  for (const std::string_view path : paths) {
    auto judged = judge(path, stack);
    if (!judged) return judged.error();
    if (!judged->described) continue;
    const StoredInode& inode = *judged->described;
    directories.push_back({.path = decode(path),
                           .permissions = static_cast<std::uint16_t>(inode.mode & 07777),
                           .uid = inode.uid,
                           .gid = inode.gid,
                           .mtime = inode.mtime,
                           .xattrs = own_xattrs(inode)});
  }
  std::stable_sort(directories.begin(), directories.end(),
                   [](const TarDirectory& a, const TarDirectory& b) { return a.path.size() < b.path.size(); });
  std::string tar;
  for (const TarDirectory& directory : directories) append_directory(tar, directory);
  append_end(tar);
  return tar;
}

}  // namespace

Result<std::vector<std::vector<std::string_view>>> parse_implied(std::string_view request, std::size_t layers) {
  std::vector<std::vector<std::string_view>> lists(1);
  while (!request.empty()) {
    const std::size_t end = request.find('\0');
    if (end == std::string_view::npos) return malformed("the request ends within a path");
    if (end == 0) {
      lists.emplace_back();
    } else {
      lists.back().push_back(request.substr(0, end));
    }
    request.remove_prefix(end + 1);
  }
  if (!lists.back().empty() || lists.size() != layers + 1) return malformed("the request has not one list for each layer");
  lists.pop_back();
  return lists;
}

Result<Correction> correct_stack(std::vector<StackedLayer>& stack, std::size_t seen) {
  Correction correction;
  std::vector<std::string_view> wrong;
  for (const std::string_view path : candidates(stack, seen)) {
    auto judged = judge(path, stack);
    if (!judged) return judged.error();
    if (judged->hides_other) correction.hiding.emplace_back(path);
    if (judged->differs) wrong.push_back(path);
    if (wrong.size() > kMostCorrected) {
      return over_limit("the image's layers have more than " + std::to_string(kMostCorrected) +
                        " directories whose attributes only lower layers know; build it with archives that name their directories");
    }
  }
  if (wrong.empty()) return correction;
  auto tar = tar_of(named_for(wrong), stack);
  if (!tar) return tar.error();
  correction.tar = std::move(*tar);
  return correction;
}

}  // namespace gantry::layer
