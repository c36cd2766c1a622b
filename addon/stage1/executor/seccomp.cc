#include "stage1/executor/seccomp.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>

#include "linux/packet_socket.h"

namespace gantry::executor {

namespace {

using contract::OciSeccomp;
using contract::OciSeccompRule;

struct Named {
  const char* name;
  uint32_t value;
};

constexpr Named actions[] = {{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
                             {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
                             {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
                             {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
                             {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
                             {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
                             {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
                             {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
                             {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF}};

constexpr Named flags[] = {{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
                           {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
                           {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
                           {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1U << 5}};

constexpr uint32_t number_of(SeccompComparison op) { return static_cast<uint32_t>(op); }

constexpr Named comparisons[] = {{"SCMP_CMP_NE", number_of(SeccompComparison::ne)},
                                 {"SCMP_CMP_LT", number_of(SeccompComparison::lt)},
                                 {"SCMP_CMP_LE", number_of(SeccompComparison::le)},
                                 {"SCMP_CMP_EQ", number_of(SeccompComparison::eq)},
                                 {"SCMP_CMP_GE", number_of(SeccompComparison::ge)},
                                 {"SCMP_CMP_GT", number_of(SeccompComparison::gt)},
                                 {"SCMP_CMP_MASKED_EQ", number_of(SeccompComparison::masked_eq)}};

Result<uint32_t> find(std::span<const Named> table, const std::string& name, const char* what) {
  for (const Named& entry : table) {
    if (name == entry.name) return entry.value;
  }
  return Error{EINVAL, "seccomp", name, std::string("unknown ") + what};
}

Result<uint32_t> action_of(const std::string& name, const std::optional<uint32_t>& errno_ret) {
  auto action = find(actions, name, "action");
  if (!action) return action;
  if (*action != SECCOMP_RET_ERRNO && *action != SECCOMP_RET_TRACE) return action;
  return *action | (errno_ret.value_or(EPERM) & SECCOMP_RET_DATA);
}

// "SCMP_ARCH_X86_64" → libseccomp's "x86_64".
std::string library_architecture(const std::string& name) {
  std::string out = name.starts_with("SCMP_ARCH_") ? name.substr(10) : name;
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Result<std::vector<SeccompArgument>> arguments_of(const OciSeccompRule& rule) {
  std::vector<SeccompArgument> arguments;
  for (const contract::OciSeccompArg& wanted : rule.args) {
    auto op = find(comparisons, wanted.op, "comparison");
    if (!op) return op.error();
    if (wanted.index > 5)
      return Error{EINVAL, "seccomp", std::to_string(wanted.index), "a system call has arguments 0 to 5"};
    arguments.push_back({wanted.index, static_cast<SeccompComparison>(*op), wanted.value, wanted.value_two});
  }
  return arguments;
}

// Conditions on different arguments must all hold; two on the same argument are alternatives, a rule each.
Result<void> add_rule(SeccompBuilder& builder, uint32_t action, const OciSeccompRule& rule) {
  auto arguments = arguments_of(rule);
  if (!arguments) return arguments.error();
  std::set<unsigned> indices;
  for (const SeccompArgument& argument : *arguments) indices.insert(argument.index);
  const bool alternatives = indices.size() < arguments->size();
  for (const std::string& name : rule.names) {
    if (!alternatives) {
      GANTRY_TRY(builder.add_rule(action, name, *arguments));
      continue;
    }
    for (const SeccompArgument& argument : *arguments)
      GANTRY_TRY(builder.add_rule(action, name, std::span(&argument, 1)));
  }
  return {};
}

Result<SeccompProgram> compile_rules(const OciSeccomp& profile, bool strictly) {
  auto fallback = action_of(profile.default_action, profile.default_errno_ret);
  if (!fallback) return fallback.error();
  SeccompBuilder builder(*fallback);
  for (const std::string& name : profile.architectures)
    GANTRY_TRY(builder.add_architecture(library_architecture(name)));
  for (const OciSeccompRule& rule : profile.syscalls) {
    auto action = action_of(rule.action, rule.errno_ret);
    if (!action) return action.error();
    // What is the default anyway needs no rule; libseccomp accepts none.
    if (*action != *fallback) GANTRY_TRY(add_rule(builder, *action, rule));
  }
  const bool permissive = *fallback == SECCOMP_RET_ALLOW || *fallback == SECCOMP_RET_LOG;
  return builder.compile(!strictly && !permissive && *fallback != (SECCOMP_RET_ERRNO | ENOSYS));
}

}  // namespace

Result<void> connect_listener(Seccomp& seccomp, const ProcDir& proc, const HookState& state) {
  if (!(seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)) return {};
  auto connection = connect_stream(seccomp.listener_path);
  if (!connection) return connection.error();
  // The number that the host knows this process by, whatever pid namespace it is in.
  auto pid = proc.own_pid();
  if (!pid) return pid.error();
  seccomp.listener_greeting = process_state_json(state, *pid, seccomp.listener_metadata);
  seccomp.listener = std::move(*connection);
  return {};
}

Result<void> load_seccomp(const Seccomp& seccomp) {
  auto listener = seccomp.program.load(seccomp.flags);
  if (!listener) return listener.error();
  // The profile must let this one call through.
  if (listener->valid()) return send_packet(seccomp.listener.get(), seccomp.listener_greeting, listener->get());
  return {};
}

Result<SeccompProgram> compile_seccomp_strictly(const OciSeccomp& profile) { return compile_rules(profile, true); }

Result<Seccomp> compile_seccomp(const std::optional<OciSeccomp>& profile) {
  Seccomp out;
  if (!profile) return out;
  auto program = compile_rules(*profile, false);
  if (!program) return program.error();
  out.program = std::move(*program);
  for (const std::string& name : profile->flags) {
    auto flag = find(flags, name, "flag");
    if (!flag) return flag.error();
    out.flags |= *flag;
  }
  const auto notifies = [](const OciSeccompRule& rule) { return rule.action == "SCMP_ACT_NOTIFY"; };
  if (std::any_of(profile->syscalls.begin(), profile->syscalls.end(), notifies)) {
    if (profile->listener_path.empty()) return Error{EINVAL, "seccomp", "listenerPath", "SCMP_ACT_NOTIFY needs one"};
    out.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    out.listener_path = profile->listener_path;
    out.listener_metadata = profile->listener_metadata;
  }
  return out;
}

}  // namespace gantry::executor
