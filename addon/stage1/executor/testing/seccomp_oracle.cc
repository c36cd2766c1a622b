// Compares our compiled seccomp filter with libseccomp's own for the profile of a config.json: every system call of
// every architecture, with arguments around each value that the profile mentions. Ends with 0 if all agree. Where
// conditions overlap libseccomp 2.5 errs at times (two comparisons of one argument with different operators); so a
// difference is put before a judge who reads the rules one by one, and counts as ours only if he disagrees with us.
//
//   seccomp-oracle CONFIG.JSON
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "linux/text_file.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/executor/seccomp.h"

namespace {

using namespace gantry;

// The kernel's interpreter, as far as seccomp filters need it.
uint32_t decide(const SeccompCode& code, const seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t at = 0;; ++at) {
    const sock_filter& step = code.at(at);
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += accumulator > step.k ? step.jt : step.jf;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        std::fprintf(stderr, "instruction %#x\n", step.code);
        std::exit(2);
    }
  }
}

const std::map<std::string, uint32_t> actions{{"SCMP_ACT_KILL", SCMP_ACT_KILL},
                                              {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
                                              {"SCMP_ACT_LOG", SCMP_ACT_LOG},
                                              {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
                                              {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS}};
const std::map<std::string, scmp_compare> comparisons{{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                      {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                      {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                      {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                      {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                      {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                      {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};

uint32_t action_of(const std::string& name, const std::optional<uint32_t>& code) {
  return name == "SCMP_ACT_ERRNO" ? SCMP_ACT_ERRNO(code.value_or(EPERM)) : actions.at(name);
}

void check(int code, const std::string& what) {
  if (code >= 0) return;
  std::fprintf(stderr, "libseccomp: %s: %s\n", what.c_str(), std::strerror(-code));
  std::exit(2);
}

void add_rule(scmp_filter_ctx context, uint32_t action, const contract::OciSeccompRule& rule, const std::string& name) {
  std::vector<scmp_arg_cmp> arguments;
  std::set<unsigned> indices;
  for (const auto& argument : rule.args) {
    arguments.push_back({argument.index, comparisons.at(argument.op), argument.value, argument.value_two});
    indices.insert(argument.index);
  }
  const int number = ::seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return;
  if (indices.size() == arguments.size()) {
    check(::seccomp_rule_add_array(context, action, number, static_cast<unsigned>(arguments.size()), arguments.data()),
          name);
    return;
  }
  for (const auto& argument : arguments) check(::seccomp_rule_add_array(context, action, number, 1, &argument), name);
}

SeccompCode library_code(const contract::OciSeccomp& profile) {
  const uint32_t fallback = action_of(profile.default_action, profile.default_errno_ret);
  scmp_filter_ctx context = ::seccomp_init(fallback);
  for (const std::string& name : profile.architectures) {
    std::string lower = name.substr(10);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const int added = ::seccomp_arch_add(context, ::seccomp_arch_resolve_name(lower.c_str()));
    if (added != -EEXIST) check(added, name);
  }
  for (const auto& rule : profile.syscalls) {
    const uint32_t action = action_of(rule.action, rule.errno_ret);
    for (const std::string& name : rule.names) {
      if (action != fallback) add_rule(context, action, rule, name);
    }
  }
  const int file = ::memfd_create("oracle", 0);
  check(::seccomp_export_bpf(context, file), "export");
  SeccompCode code(static_cast<size_t>(::lseek(file, 0, SEEK_END)) / sizeof(sock_filter));
  check(static_cast<int>(::pread(file, code.data(), code.size() * sizeof(sock_filter), 0)), "read");
  ::seccomp_release(context);
  return code;
}

bool holds(const contract::OciSeccompArg& argument, uint64_t actual, bool wide) {
  const uint64_t mask = wide ? ~uint64_t{0} : 0xffffffff;
  const uint64_t a = actual & mask, b = argument.value & mask;
  switch (comparisons.at(argument.op)) {
    case SCMP_CMP_NE:
      return a != b;
    case SCMP_CMP_LT:
      return a < b;
    case SCMP_CMP_LE:
      return a <= b;
    case SCMP_CMP_EQ:
      return a == b;
    case SCMP_CMP_GE:
      return a >= b;
    case SCMP_CMP_GT:
      return a > b;
    default:
      return (a & b) == (argument.value_two & b);
  }
}

bool matches(const contract::OciSeccompRule& rule, const seccomp_data& data, bool wide) {
  std::set<unsigned> indices;
  size_t held = 0;
  for (const auto& argument : rule.args) {
    indices.insert(argument.index);
    if (holds(argument, data.args[argument.index], wide)) ++held;
  }
  return indices.size() < rule.args.size() ? held > 0 : held == rule.args.size();
}

// What the profile says of a system call; nothing of 32-bit x86's socketcall and ipc, which stand for many.
std::optional<uint32_t> judge(const contract::OciSeccomp& profile, const seccomp_data& data) {
  const bool x32 = data.arch == AUDIT_ARCH_X86_64 && (data.nr & 0x40000000) != 0;
  const uint32_t token = x32 ? SCMP_ARCH_X32 : data.arch;
  if (data.arch == AUDIT_ARCH_I386 && (data.nr == 102 || data.nr == 117)) return std::nullopt;
  const uint32_t fallback = action_of(profile.default_action, profile.default_errno_ret);
  const std::unique_ptr<char, void (*)(void*)> called(::seccomp_syscall_resolve_num_arch(token, data.nr), std::free);
  std::optional<uint32_t> conditional;
  for (const auto& rule : profile.syscalls) {
    const uint32_t action = action_of(rule.action, rule.errno_ret);
    for (const std::string& name : rule.names) {
      if (action == fallback || !called || name != called.get()) continue;
      if (rule.args.empty()) return action;
      if (!conditional && matches(rule, data, (token & __AUDIT_ARCH_64BIT) != 0)) conditional = action;
    }
  }
  return conditional.value_or(fallback);
}

// Each value that a condition mentions, and its neighbours in both words.
std::vector<uint64_t> interesting_values(const contract::OciSeccomp& profile) {
  constexpr uint64_t high = uint64_t{1} << 32;
  std::set<uint64_t> values{0, 1, ~uint64_t{0}, high};
  for (const auto& rule : profile.syscalls) {
    for (const auto& argument : rule.args) {
      for (const uint64_t value : {argument.value, argument.value_two, argument.value | argument.value_two}) {
        for (const uint64_t other : {value, value - 1, value + 1, value ^ high, value + high, ~value})
          values.insert(other);
      }
    }
  }
  return {values.begin(), values.end()};
}

struct Tally {
  uint64_t decisions = 0, differences = 0, library_errs = 0;
};

void compare(const SeccompCode& ours, const SeccompCode& theirs, const contract::OciSeccomp& profile,
             const seccomp_data& data, Tally& tally) {
  ++tally.decisions;
  const uint32_t mine = decide(ours, data), other = decide(theirs, data);
  if (mine == other) return;
  if (judge(profile, data) == mine) {
    ++tally.library_errs;
    return;
  }
  if (++tally.differences > 20) return;
  std::printf("arch %#x nr %d (", data.arch, data.nr);
  for (const auto argument : data.args) std::printf(" %#llx", static_cast<unsigned long long>(argument));
  std::printf("): %#x, libseccomp %#x\n", mine, other);
}

}  // namespace

int main(int count, char** arguments) {
  auto text = read_text_file(count > 1 ? arguments[1] : "");
  if (!text) return 64;
  auto spec = contract::parse_oci_spec(*text);
  if (!spec || !spec->linux.seccomp) return 64;
  // Without "newer calls are ENOSYS", which libseccomp has nothing of: it is no part of a profile whose default it
  // already is.
  auto& profile = *spec->linux.seccomp;
  auto ours = executor::compile_seccomp_strictly(profile);
  if (!ours) {
    std::fprintf(stderr, "%s\n", ours.error().describe().c_str());
    return 2;
  }
  const SeccompCode theirs = library_code(profile);
  const std::vector<uint64_t> values = interesting_values(profile);
  Tally tally;
  std::vector<uint32_t> numbers{0xffffffff, 0xfffffffe, 0x3fffffff};
  for (uint32_t number = 0; number < 1200; ++number) numbers.insert(numbers.end(), {number, number | 0x40000000});
  const uint32_t architectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM,
                                    AUDIT_ARCH_S390X};
  for (const uint32_t arch : architectures) {
    for (const uint32_t number : numbers) {
      seccomp_data data{};
      data.nr = static_cast<int>(number);
      data.arch = arch;
      for (size_t i = 0; i < values.size(); ++i) {
        for (size_t index = 0; index < 6; ++index) data.args[index] = values[(i + index * (i % 7)) % values.size()];
        compare(ours->code(), theirs, profile, data, tally);
      }
    }
  }
  std::printf("%llu decisions, %llu differences, %llu errors of libseccomp; %zu instructions, libseccomp %zu\n",
              static_cast<unsigned long long>(tally.decisions), static_cast<unsigned long long>(tally.differences),
              static_cast<unsigned long long>(tally.library_errs), ours->code().size(), theirs.size());
  return tally.differences == 0 ? 0 : 1;
}
