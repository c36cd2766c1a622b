#include "stage1/executor/program.h"

#include <fcntl.h>
#include <sys/personality.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "linux/capabilities.h"
#include "linux/clone_process.h"
#include "linux/file_io.h"
#include "linux/process_settings.h"
#include "linux/program_file.h"
#include "linux/root_dir.h"
#include "linux/text_file.h"

namespace gantry::executor {

namespace {

using contract::OciProcess;

// runc's exit code for it.
constexpr int no_program = 255;
constexpr const char* usual_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

CapabilityMask mask_of(const std::vector<std::string>& names, std::set<std::string>& unknown) {
  CapabilityMask mask = 0;
  for (const std::string& name : names) {
    const int number = capability_number(name);
    if (number < 0) unknown.insert(name);
    if (number >= 0) mask |= CapabilityMask{1} << number;
  }
  return mask & kernel_capabilities();
}

// A capability that nobody here knows, or that stage1 itself was not given, cannot be handed on: a warning.
Result<CapabilitySets> capability_sets(const OciProcess& process, const ChildSync& sync) {
  CapabilitySets sets;
  if (!process.capabilities) return sets;
  std::set<std::string> unknown;
  const contract::OciCapabilities& wanted = *process.capabilities;
  sets.bounding = mask_of(wanted.bounding, unknown);
  sets.permitted = mask_of(wanted.permitted, unknown);
  sets.effective = mask_of(wanted.effective, unknown);
  sets.inheritable = mask_of(wanted.inheritable, unknown);
  sets.ambient = mask_of(wanted.ambient, unknown);
  for (const std::string& name : unknown) sync.warn("capability " + name + " is not known here and was left out");
  auto own = own_permitted_set();
  if (!own) return own.error();
  const CapabilityMask missing =
      (sets.bounding | sets.permitted | sets.effective | sets.inheritable | sets.ambient) & ~*own;
  for (CapabilityMask* set : {&sets.permitted, &sets.effective, &sets.inheritable, &sets.ambient}) *set &= ~missing;
  // Ambient ones must be permitted and inheritable, effective ones permitted.
  sets.effective &= sets.permitted;
  sets.ambient &= sets.permitted & sets.inheritable;
  return sets;
}

// As in runc: as root first, since a directory of root's own may be given; else as the user.
Result<void> enter_directory(const OciProcess& process, const std::vector<gid_t>& groups) {
  auto entered = change_directory(process.cwd);
  const bool retry = !entered && entered.error().code == EACCES;
  if (!entered && !retry) return entered;
  GANTRY_TRY(set_user(process.user.uid, process.user.gid, groups));
  if (retry) GANTRY_TRY(change_directory(process.cwd));
  return check_working_directory();
}

Result<void> drop_privileges(const OciProcess& process, const ChildSync& sync) {
  auto sets = capability_sets(process, sync);
  if (!sets) return sets.error();
  give_stdio_to(process.user.uid);
  GANTRY_TRY(limit_bounding_set(sets->bounding));
  GANTRY_TRY(keep_capabilities(true));
  GANTRY_TRY(enter_directory(process, process.user.additional_gids));
  GANTRY_TRY(keep_capabilities(false));
  return set_capabilities(*sets);
}

std::string search_path(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return usual_path;
}

// All but the exec itself.
struct Ready {
  std::string path;
  std::vector<std::string> env;
};

Result<Ready> get_ready(const OciProcess& process, const Seccomp& seccomp, const ChildSync& sync) {
  std::vector<std::string> env = make_environment(process);
  if (process.no_new_privileges) GANTRY_TRY(set_no_new_privileges());
  // Without no_new_privs only a privileged process may load a filter; with it, the later the better.
  const bool early = !process.no_new_privileges;
  if (early && !seccomp.program.empty()) GANTRY_TRY(load_seccomp(seccomp));
  GANTRY_TRY(drop_privileges(process, sync));
  auto path = find_program(process.args[0], search_path(env));
  if (!path) return path.error();
  if (!early && !seccomp.program.empty()) GANTRY_TRY(load_seccomp(seccomp));
  return Ready{std::move(*path), std::move(env)};
}

// The home directory of `uid` in the root's /etc/passwd.
std::string home_of(uint32_t uid) {
  const std::string wanted = std::to_string(uid);
  auto text = read_text_file("/etc/passwd");
  for (size_t begin = 0; text && begin < text->size();) {
    const size_t end = std::min(text->find('\n', begin), text->size());
    std::vector<std::string> fields(1);
    for (size_t i = begin; i < end; ++i) {
      if ((*text)[i] == ':') {
        fields.emplace_back();
      } else {
        fields.back() += (*text)[i];
      }
    }
    if (fields.size() >= 6 && fields[2] == wanted) return fields[5].empty() ? "/" : fields[5];
    begin = end + 1;
  }
  return "/";
}

}  // namespace

namespace {

// A variable that was changed since (by an NRI plug-in, by CDI) is no longer the entry that the bytes belong to.
std::string bytes_of(const OciProcess& process, const std::string& entry) {
  for (const contract::EnvBytes& exact : process.env_bytes) {
    if (exact.entry != entry) continue;
    std::string text;
    for (const uint32_t byte : exact.bytes) text += static_cast<char>(byte);
    return text;
  }
  return entry;
}

}  // namespace

std::vector<std::string> make_environment(const OciProcess& process) {
  std::vector<std::string> env;
  std::set<std::string> seen;
  for (auto entry = process.env.rbegin(); entry != process.env.rend(); ++entry) {
    const std::string name = entry->substr(0, entry->find('='));
    if (*entry != "HOME=" && seen.insert(name).second) env.push_back(bytes_of(process, *entry));
  }
  std::reverse(env.begin(), env.end());
  if (!seen.contains("HOME")) env.push_back("HOME=" + home_of(process.user.uid));
  return env;
}

void become_program(const OciProcess& process, const Seccomp& seccomp, const ChildSync& sync) {
  auto ready = get_ready(process, seccomp, sync);
  if (!ready) sync.fail(ready.error());
  sync.fail(exec_program(ready->path, process.args, ready->env));
}

void become_command(const OciProcess& process, const Seccomp& seccomp, const ChildSync& sync) {
  auto ready = get_ready(process, seccomp, sync);
  if (!ready) sync.fail(ready.error());
  const Error error = exec_program(ready->path, process.args, ready->env);
  const std::string said = (error.message.empty() ? error.describe() : error.message) + "\n";
  (void)write_all(STDERR_FILENO, {reinterpret_cast<const uint8_t*>(said.data()), said.size()});
  sync.refused();
  exit_now(no_program);
}

}  // namespace gantry::executor
