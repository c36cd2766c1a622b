#include "stage1/executor/program.h"

namespace gantry::executor {

namespace {

bool is_refused(const Error& error) { return error.code == ENOENT || error.code == EINVAL; }

// aa_change_onexec(3): "exec <profile>", to the module's own file where the kernel stacks several modules.
Result<void> apply_apparmor(const ProcDir& proc, const std::string& profile) {
  const std::string text = "exec " + profile;
  auto written = proc.write("thread-self/attr/apparmor/exec", text);
  if (!written && written.error().code == ENOENT && written.error().operation == "open")
    written = proc.write("thread-self/attr/exec", text);
  if (written) return {};
  return Error{written.error().code, "apparmor", profile,
               is_refused(written.error()) ? "the profile is not loaded, or this host has no AppArmor"
                                           : "the profile could not be set"};
}

// setexeccon(3) and setkeycreatecon(3).
Result<void> apply_selinux(const ProcDir& proc, const std::string& label) {
  auto written = proc.write("thread-self/attr/exec", label);
  if (!written) {
    return Error{written.error().code, "selinux", label,
                 is_refused(written.error()) ? "the label is not valid, or this host has no SELinux"
                                             : "the label could not be set"};
  }
  // So that the container can use the keyring that is made for it.
  auto key = proc.write("thread-self/attr/keycreate", label);
  if (!key && !is_refused(key.error()))
    return Error{key.error().code, "selinux", label, "the label for keys could not be set"};
  return {};
}

}  // namespace

Result<void> apply_labels(const ProcDir& proc, const contract::OciProcess& process) {
  if (!process.apparmor_profile.empty() && process.apparmor_profile != "unconfined")
    GANTRY_TRY(apply_apparmor(proc, process.apparmor_profile));
  if (!process.selinux_label.empty()) GANTRY_TRY(apply_selinux(proc, process.selinux_label));
  return {};
}

}  // namespace gantry::executor
