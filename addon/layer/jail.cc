#include "layer/jail.h"

#include <malloc.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <array>
#include <memory>
#include <vector>

#include "linux/pidfd.h"
#include "linux/privilege_drop.h"

namespace gantry::layer {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

Result<void> allow(const Filter& filter, int call, const std::vector<scmp_arg_cmp>& conditions = {}) {
  const int code = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                                          static_cast<unsigned>(conditions.size()), conditions.data());
  if (code != 0) return Error{-code, "seccomp_rule_add", std::to_string(call), {}};
  return {};
}

// libseccomp compares 64 bits; the kernel reads a descriptor's lower 32.
scmp_arg_cmp on_descriptor(int fd) {
  return {0, SCMP_CMP_MASKED_EQ, 0xffffffff, static_cast<scmp_datum_t>(fd)};
}

scmp_arg_cmp without_bit(unsigned argument, std::uint64_t bit) { return {argument, SCMP_CMP_MASKED_EQ, bit, 0}; }
scmp_arg_cmp with_bit(unsigned argument, std::uint64_t bit) { return {argument, SCMP_CMP_MASKED_EQ, bit, bit}; }

// Memory, threads' waiting, and the end. Nothing that takes a path, an address or another process.
constexpr std::array kHarmless = {
    SCMP_SYS(futex),      SCMP_SYS(brk),           SCMP_SYS(munmap),         SCMP_SYS(mremap),
    SCMP_SYS(madvise),    SCMP_SYS(exit),          SCMP_SYS(exit_group),     SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield), SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime),
};

Result<void> add_rules(const Filter& filter, const JailOptions& options) {
  for (const int call : kHarmless) GANTRY_TRY(allow(filter, call));
  GANTRY_TRY(allow(filter, SCMP_SYS(mmap), {without_bit(2, PROT_EXEC), with_bit(3, MAP_ANONYMOUS)}));
  GANTRY_TRY(allow(filter, SCMP_SYS(mprotect), {without_bit(2, PROT_EXEC)}));
  GANTRY_TRY(allow(filter, SCMP_SYS(read), {on_descriptor(options.input_fd)}));
  GANTRY_TRY(allow(filter, SCMP_SYS(write), {on_descriptor(options.result_fd)}));
  for (const int image : options.images) GANTRY_TRY(allow(filter, SCMP_SYS(pread64), {on_descriptor(image)}));
  if (options.output_fd < 0) return {};
  GANTRY_TRY(allow(filter, SCMP_SYS(pread64), {on_descriptor(options.output_fd)}));
  GANTRY_TRY(allow(filter, SCMP_SYS(pwrite64), {on_descriptor(options.output_fd)}));
  return allow(filter, SCMP_SYS(ftruncate), {on_descriptor(options.output_fd)});
}

// Of oom_score_adj's range (proc(5)): what an archive makes us use is measured against the pods that are the first to go. The
// server's own, which we were started with, would have every pod killed before us.
constexpr int kFirstToGo = 1000;

}  // namespace

Result<void> give_up_privileges(const JailOptions& options) {
  // Nothing depends on it where there is no /proc.
  (void)write_oom_score_adj(0, kFirstToGo);
  std::vector<int> keep = options.images;
  keep.insert(keep.end(), {options.input_fd, options.result_fd});
  if (options.output_fd >= 0) keep.push_back(options.output_fd);
  if (kSanitized) keep.push_back(2);  // for the sanitizers' reports
  GANTRY_TRY(close_descriptors_except(keep));
  GANTRY_TRY(drop_privileges());
  if (options.maximum_file_size != 0) GANTRY_TRY(lower_limit(RLIMIT_FSIZE, options.maximum_file_size));
  GANTRY_TRY(lower_limit(RLIMIT_CORE, 0));
  // What is open stays open; nothing can be opened. (The sanitizers probe memory with a pipe.)
  if (!kSanitized) GANTRY_TRY(lower_limit(RLIMIT_NOFILE, 0));
  // A second heap would be made by counting the machine's processors in /sys.
  ::mallopt(M_ARENA_MAX, 1);
  return {};
}

Result<void> lock_down(const JailOptions& options) {
  if (kSanitized) return {};
  GANTRY_TRY(lower_limit(RLIMIT_NPROC, 0));
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return Error{ENOMEM, "seccomp_init", {}, {}};
  if (const int code = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); code != 0) {
    return Error{-code, "seccomp_attr_set", "SCMP_FLTATR_CTL_TSYNC", {}};
  }
  GANTRY_TRY(add_rules(filter, options));
  if (const int code = seccomp_load(filter.get()); code != 0) {
    return Error{-code, "seccomp_load", {}, "the kernel must have CONFIG_SECCOMP_FILTER"};
  }
  return {};
}

}  // namespace gantry::layer
