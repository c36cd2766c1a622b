#include "stage1/executor/mount_options.h"

#include <sys/mount.h>

#include <iterator>
#include <string_view>

namespace gantry::executor {

namespace {

struct Attribute {
  std::string_view name;  // its recursive form has an "r" before it
  uint64_t bit;
  bool set;
};

// An access-time option that is switched off leaves the default, relatime.
constexpr Attribute attributes[] = {{"ro", MOUNT_ATTR_RDONLY, true},
                                    {"rw", MOUNT_ATTR_RDONLY, false},
                                    {"nosuid", MOUNT_ATTR_NOSUID, true},
                                    {"suid", MOUNT_ATTR_NOSUID, false},
                                    {"nodev", MOUNT_ATTR_NODEV, true},
                                    {"dev", MOUNT_ATTR_NODEV, false},
                                    {"noexec", MOUNT_ATTR_NOEXEC, true},
                                    {"exec", MOUNT_ATTR_NOEXEC, false},
                                    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, true},
                                    {"symfollow", MOUNT_ATTR_NOSYMFOLLOW, false},
                                    {"nodiratime", MOUNT_ATTR_NODIRATIME, true},
                                    {"diratime", MOUNT_ATTR_NODIRATIME, false},
                                    {"noatime", MOUNT_ATTR_NOATIME, true},
                                    {"atime", MOUNT_ATTR__ATIME, false},
                                    {"strictatime", MOUNT_ATTR_STRICTATIME, true},
                                    {"nostrictatime", MOUNT_ATTR__ATIME, false},
                                    {"relatime", MOUNT_ATTR__ATIME, false},
                                    {"norelatime", MOUNT_ATTR__ATIME, false}};

struct Propagation {
  std::string_view name;
  uint64_t type;
};

constexpr Propagation propagations[] = {
    {"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"private", MS_PRIVATE}, {"unbindable", MS_UNBINDABLE}};

constexpr std::string_view superblock_flags[] = {"sync",   "async",    "dirsync",    "lazytime", "nolazytime", "mand",
                                                 "nomand", "iversion", "noiversion", "silent",   "loud"};

void change(uint64_t& set, uint64_t& clear, const Attribute& attribute) {
  // The last word on access times wins.
  if (attribute.bit & MOUNT_ATTR__ATIME) set &= ~uint64_t{MOUNT_ATTR__ATIME};
  if (attribute.set) {
    set |= attribute.bit;
    clear &= ~attribute.bit;
  } else {
    clear |= attribute.bit;
    set &= ~attribute.bit;
  }
}

bool parse_attribute(std::string_view word, MountOptions& out) {
  for (const Attribute& attribute : attributes) {
    if (word == attribute.name) return change(out.set, out.clear, attribute), true;
    if (word.starts_with('r') && word.substr(1) == attribute.name) {
      return change(out.tree_set, out.tree_clear, attribute), true;
    }
  }
  return false;
}

bool parse_propagation(std::string_view word, MountOptions& out) {
  for (const Propagation& entry : propagations) {
    const bool recursive = word.starts_with('r') && word.substr(1) == entry.name;
    if (word != entry.name && !recursive) continue;
    out.propagation = entry.type;
    out.propagation_recursive = recursive;
    return true;
  }
  return false;
}

bool parse_kind(std::string_view word, MountOptions& out) {
  if (word == "bind" || word == "rbind") {
    out.bind = true;
    out.recursive |= word == "rbind";
  } else if (word == "idmap" || word == "ridmap") {
    out.id_map = true;
    out.id_map_recursive |= word == "ridmap";
  } else if (word == "remount") {
    out.remount = true;
  } else if (word == "tmpcopyup") {
    out.copy_up = true;
  } else {
    return word == "defaults" || word == "acl" || word == "noacl" || word.empty();
  }
  return true;
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions out;
  for (const std::string& word : options) {
    if (parse_kind(word, out) || parse_attribute(word, out) || parse_propagation(word, out)) continue;
    bool superblock = false;
    for (const std::string_view flag : superblock_flags) superblock |= word == flag;
    if (superblock) {
      if (word != "silent" && word != "loud") out.superblock.push_back(word);
    } else {
      out.data += (out.data.empty() ? "" : ",") + word;
    }
  }
  return out;
}

}  // namespace gantry::executor
