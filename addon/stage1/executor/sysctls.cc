#include "stage1/executor/sysctls.h"

#include <algorithm>

namespace gantry::executor {

namespace {

// sysctl.d(5): whichever of "." and "/" comes first separates; the other one is part of a name (an interface
// "eth0.100").
std::string path_of(std::string name) {
  const size_t first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '/') return name;
  for (char& c : name) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return name;
}

Result<void> check(const std::string& name, const std::string& path, const OwnNamespaces& own) {
  const auto refuse = [&](const char* why) { return Error{EINVAL, "sysctl", name, why}; };
  if (path.find("..") != std::string::npos) return refuse("is no name of a sysctl");
  if (path.starts_with("net/"))
    return own.network ? Result<void>() : refuse("belongs to the host: the pod uses the host's network");
  const bool ipc = path.starts_with("fs/mqueue/") || path.starts_with("kernel/shm") || path.starts_with("kernel/msg") ||
                   path == "kernel/sem";
  if (ipc) return own.ipc ? Result<void>() : refuse("belongs to the host: the pod uses the host's ipc namespace");
  if (path == "kernel/domainname")
    return own.uts ? Result<void>() : refuse("belongs to the host: the pod uses the host's uts namespace");
  if (path == "kernel/hostname") return refuse("is set by the pod's hostname");
  if (path.starts_with("user/"))
    return own.user ? Result<void>() : refuse("belongs to the host: the pod uses the host's user namespace");
  return refuse("is not namespaced: setting it would change the host");
}

}  // namespace

Result<void> apply_sysctls(const ProcDir& proc, const std::map<std::string, std::string>& sysctls,
                           const OwnNamespaces& own) {
  for (const auto& [name, value] : sysctls) {
    const std::string path = path_of(name);
    GANTRY_TRY(check(name, path, own));
    auto written = proc.write("sys/" + path, value);
    if (!written) {
      return Error{
          written.error().code, "sysctl", name,
          written.error().code == ENOENT ? "this kernel does not have it" : "could not be set to \"" + value + "\""};
    }
  }
  return {};
}

}  // namespace gantry::executor
