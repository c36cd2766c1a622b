// Seccomp filters (seccomp(2)): libseccomp's names and numbers, compiled here. libseccomp's own compiler takes 15 ms
// for a usual profile, at every container and every exec; this one takes well under one, and its tests hold it against
// that one.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

using SeccompCode = std::vector<sock_filter>;

// A filter ready for the kernel.
class SeccompProgram {
 public:
  SeccompProgram() = default;
  explicit SeccompProgram(SeccompCode code) : code_(std::move(code)) {}
  [[nodiscard]] bool empty() const { return code_.empty(); }
  [[nodiscard]] const SeccompCode& code() const { return code_; }
  // `flags` are SECCOMP_FILTER_FLAG_*. With NEW_LISTENER the listener comes back.
  Result<UniqueFd> load(unsigned flags) const;

 private:
  SeccompCode code_;
};

enum class SeccompComparison { ne, lt, le, eq, ge, gt, masked_eq };

// (argument `index`) op `value`; masked_eq: (argument & value) == value_two.
struct SeccompArgument {
  unsigned index = 0;
  SeccompComparison op = SeccompComparison::eq;
  uint64_t value = 0, value_two = 0;
};

class SeccompBuilder {
 public:
  // `default_action` as the kernel has it: SECCOMP_RET_*, an errno in its low bits. The native architecture is in.
  explicit SeccompBuilder(uint32_t default_action);
  // libseccomp's name: "x86_64". Before the first rule.
  Result<void> add_architecture(const std::string& name);
  // The action where all arguments match. Several rules for a call are asked in order; one without arguments replaces
  // all others. EEXIST: two of those that disagree. Unknown system calls are left out: no program can make them here.
  Result<void> add_rule(uint32_t action, const std::string& syscall, std::span<const SeccompArgument> arguments);
  // With `newer_is_enosys` system calls beyond all that the rules know answer ENOSYS instead of the default action, so
  // that programs fall back to older ones.
  [[nodiscard]] Result<SeccompProgram> compile(bool newer_is_enosys) const;

 private:
  struct Rule {
    uint32_t action;
    std::vector<SeccompArgument> arguments;
  };
  struct Architecture {
    uint32_t token;  // libseccomp's
    std::map<uint32_t, std::vector<Rule>> calls;
    uint32_t after_last = 0;  // one more than the highest number that a rule names
  };

  Result<void> add_call(Architecture& architecture, uint32_t number, Rule rule);
  Result<void> add_multiplexed(Architecture& architecture, int pseudo, const std::string& name, const Rule& rule);
  [[nodiscard]] SeccompCode code_of(const Architecture& architecture, const std::vector<Rule>& rules) const;
  [[nodiscard]] uint32_t fallback(uint32_t audit, uint32_t number, uint32_t after_last, bool newer_is_enosys) const;
  [[nodiscard]] SeccompCode block(uint32_t audit, bool newer_is_enosys) const;
  [[nodiscard]] bool has(uint32_t token) const;

  uint32_t default_action_;
  std::vector<Architecture> architectures_;
};

}  // namespace gantry
