// Seccomp filters (seccomp(2)), compiled by libseccomp.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// A filter ready for the kernel.
class SeccompProgram {
 public:
  SeccompProgram() = default;
  explicit SeccompProgram(std::vector<sock_filter> code) : code_(std::move(code)) {}
  [[nodiscard]] bool empty() const { return code_.empty(); }
  // `flags` are SECCOMP_FILTER_FLAG_*. With NEW_LISTENER the listener comes back.
  Result<UniqueFd> load(unsigned flags) const;

 private:
  std::vector<sock_filter> code_;
};

struct SeccompArgument {
  unsigned index = 0;
  int op = 0;  // enum scmp_compare
  uint64_t value = 0, value_two = 0;
};

class SeccompBuilder {
 public:
  // `default_action` as the kernel has it: SECCOMP_RET_*, an errno in its low bits.
  static Result<SeccompBuilder> make(uint32_t default_action);
  // libseccomp's name: "x86_64". The native one is there from the beginning.
  Result<void> add_architecture(const std::string& name);
  // Unknown system calls are left out: no program can make them here.
  Result<void> add_rule(uint32_t action, const std::string& syscall, std::span<const SeccompArgument> arguments);
  // With `newer_is_enosys` system calls beyond all that the rules know answer ENOSYS instead of the default action, so
  // that programs fall back to older ones.
  Result<SeccompProgram> compile(bool newer_is_enosys);

 private:
  struct Release {
    void operator()(void* context) const;
  };
  explicit SeccompBuilder(void* context) : context_(context) {}
  void prepend_enosys(std::vector<sock_filter>& code) const;

  std::unique_ptr<void, Release> context_;
  std::map<uint32_t, int> last_syscall_;  // by audit architecture
};

// -1 for an unknown name.
int seccomp_comparison(const std::string& name);  // "SCMP_CMP_EQ"

}  // namespace gantry
