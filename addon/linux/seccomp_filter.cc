#include "linux/seccomp_filter.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "linux/seccomp_code.h"

namespace gantry {

namespace {

constexpr uint32_t x32_bit = 0x40000000;
// A tracer that cancels a system call makes it this one.
constexpr uint32_t cancelled = 0xffffffff;
constexpr uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;

// 32-bit x86 has two ways to many calls: one number for all (socketcall, ipc; the first argument says which) and a
// number each. libseccomp knows the former as -100 - n and -200 - n, and resolves names to those.
constexpr int socketcall_base = -100, ipc_base = -200;
constexpr uint32_t socketcall_number = 102, ipc_number = 117;
constexpr struct {
  const char* name;
  uint32_t number;
} direct_numbers[] = {{"socket", 359},      {"socketpair", 360},  {"bind", 361},       {"connect", 362},
                      {"listen", 363},      {"accept4", 364},     {"getsockopt", 365}, {"setsockopt", 366},
                      {"getsockname", 367}, {"getpeername", 368}, {"sendto", 369},     {"sendmsg", 370},
                      {"recvfrom", 371},    {"recvmsg", 372},     {"shutdown", 373},   {"recvmmsg", 337},
                      {"sendmmsg", 345},    {"semget", 393},      {"semctl", 394},     {"shmget", 395},
                      {"shmctl", 396},      {"shmat", 397},       {"shmdt", 398},      {"msgget", 399},
                      {"msgsnd", 400},      {"msgrcv", 401},      {"msgctl", 402}};

uint32_t audit_of(uint32_t token) { return token == SCMP_ARCH_X32 ? static_cast<uint32_t>(SCMP_ARCH_X86_64) : token; }
bool is_wide(uint32_t token) { return (token & __AUDIT_ARCH_64BIT) != 0; }

bool equal(const SeccompCode& one, const SeccompCode& other) {
  return one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size() * sizeof(sock_filter)) == 0;
}

}  // namespace

Result<UniqueFd> SeccompProgram::load(unsigned flags) const {
  sock_fprog program{static_cast<unsigned short>(code_.size()), const_cast<sock_filter*>(code_.data())};
  const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0)
    return errno_error("seccomp", {},
                       errno == EINVAL ? "the kernel does not support the filter or one of its flags" : "");
  if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)) return UniqueFd();
  return UniqueFd(static_cast<int>(result));
}

SeccompBuilder::SeccompBuilder(uint32_t default_action) : default_action_(default_action) {
  architectures_.push_back({::seccomp_arch_native(), {}, 0});
}

bool SeccompBuilder::has(uint32_t token) const {
  return std::any_of(architectures_.begin(), architectures_.end(),
                     [&](const Architecture& entry) { return entry.token == token; });
}

Result<void> SeccompBuilder::add_architecture(const std::string& name) {
  const uint32_t token = ::seccomp_arch_resolve_name(name.c_str());
  if (token == 0) return Error{EINVAL, "seccomp", name, "unknown architecture"};
  if (!has(token)) architectures_.push_back({token, {}, 0});
  return {};
}

Result<void> SeccompBuilder::add_call(Architecture& architecture, uint32_t number, Rule rule) {
  std::vector<Rule>& rules = architecture.calls[number];
  const bool decided = rules.size() == 1 && rules[0].arguments.empty();
  if (decided && rule.arguments.empty() && rules[0].action != rule.action) {
    return Error{EEXIST, "seccomp", std::to_string(number), "two rules without conditions disagree"};
  }
  if (decided) return {};
  if (rule.arguments.empty()) rules.clear();
  rules.push_back(std::move(rule));
  return {};
}

Result<void> SeccompBuilder::add_multiplexed(Architecture& architecture, int pseudo, const std::string& name,
                                             const Rule& rule) {
  const bool is_socket = pseudo > ipc_base;
  Rule through{
      rule.action,
      {{0, SeccompComparison::eq, static_cast<uint64_t>((is_socket ? socketcall_base : ipc_base) - pseudo), 0}}};
  // The call's own arguments are in memory, where no filter sees them; libseccomp keeps conditions on the others all
  // the same.
  for (const SeccompArgument& argument : rule.arguments) {
    if (argument.index != 0) through.arguments.push_back(argument);
  }
  GANTRY_TRY(add_call(architecture, is_socket ? socketcall_number : ipc_number, std::move(through)));
  for (const auto& direct : direct_numbers) {
    if (name == direct.name) return add_call(architecture, direct.number, rule);
  }
  return {};
}

Result<void> SeccompBuilder::add_rule(uint32_t action, const std::string& syscall,
                                      std::span<const SeccompArgument> arguments) {
  const Rule rule{action, {arguments.begin(), arguments.end()}};
  for (Architecture& architecture : architectures_) {
    const int number = ::seccomp_syscall_resolve_name_arch(architecture.token, syscall.c_str());
    if (number >= 0) {
      GANTRY_TRY(add_call(architecture, static_cast<uint32_t>(number), rule));
      architecture.after_last = std::max(architecture.after_last, static_cast<uint32_t>(number) + 1);
    } else if (architecture.token == SCMP_ARCH_X86 && number <= socketcall_base && number > ipc_base - 100) {
      GANTRY_TRY(add_multiplexed(architecture, number, syscall, rule));
    }
  }
  return {};
}

SeccompCode SeccompBuilder::code_of(const Architecture& architecture, const std::vector<Rule>& rules) const {
  SeccompCode code;
  for (const Rule& rule : rules) {
    const SeccompCode piece = seccomp_code::match(rule.action, rule.arguments, is_wide(architecture.token));
    code.insert(code.end(), piece.begin(), piece.end());
    if (rule.arguments.empty()) return code;
  }
  const SeccompCode otherwise = seccomp_code::give(default_action_);
  code.insert(code.end(), otherwise.begin(), otherwise.end());
  return code;
}

// What becomes of a number that no rule names.
uint32_t SeccompBuilder::fallback(uint32_t audit, uint32_t number, uint32_t after_last, bool newer_is_enosys) const {
  if (audit == SCMP_ARCH_X86_64 && number >= x32_bit) {
    return has(SCMP_ARCH_X32) || number == cancelled ? default_action_ : static_cast<uint32_t>(SECCOMP_RET_KILL_THREAD);
  }
  return newer_is_enosys && after_last > 0 && number >= after_last ? enosys : default_action_;
}

// All that is known of one audit architecture; x86-64 and x32 are one, told apart by a bit of the number.
SeccompCode SeccompBuilder::block(uint32_t audit, bool newer_is_enosys) const {
  std::map<uint32_t, SeccompCode> calls;
  uint32_t after_last = 0;
  for (const Architecture& architecture : architectures_) {
    if (audit_of(architecture.token) != audit) continue;
    for (const auto& [number, rules] : architecture.calls) calls[number] = code_of(architecture, rules);
    if (architecture.token == audit) after_last = architecture.after_last;
  }
  std::set<uint32_t> starts{0, after_last};
  if (audit == SCMP_ARCH_X86_64) starts.insert({x32_bit, cancelled});
  for (const auto& [number, code] : calls) starts.insert({number, number + 1});

  std::vector<std::pair<uint32_t, SeccompCode>> ranges;
  for (const uint32_t start : starts) {
    const auto call = calls.find(start);
    SeccompCode code =
        call != calls.end() ? call->second : seccomp_code::give(fallback(audit, start, after_last, newer_is_enosys));
    if (ranges.empty() || !equal(ranges.back().second, code)) ranges.emplace_back(start, std::move(code));
  }
  SeccompCode code = seccomp_code::load_number();
  const SeccompCode found = seccomp_code::search(ranges);
  code.insert(code.end(), found.begin(), found.end());
  return code;
}

Result<SeccompProgram> SeccompBuilder::compile(bool newer_is_enosys) const {
  SeccompCode code = seccomp_code::load_architecture();
  for (const Architecture& architecture : architectures_) {
    // x32 belongs to x86-64's block; alone it stands for it.
    if (architecture.token == SCMP_ARCH_X32 && has(SCMP_ARCH_X86_64)) continue;
    const uint32_t audit = audit_of(architecture.token);
    const SeccompCode piece = seccomp_code::only_if(audit, block(audit, newer_is_enosys));
    code.insert(code.end(), piece.begin(), piece.end());
  }
  // An architecture that the profile does not name.
  const SeccompCode foreign = seccomp_code::give(SECCOMP_RET_KILL_THREAD);
  code.insert(code.end(), foreign.begin(), foreign.end());
  if (code.size() > BPF_MAXINSNS)
    return Error{E2BIG, "seccomp", {}, "the profile compiles to more than 4096 instructions"};
  return SeccompProgram(std::move(code));
}

}  // namespace gantry
