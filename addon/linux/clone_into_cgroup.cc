#include "linux/clone_into_cgroup.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace gantry {

namespace {

// The child cannot return from the call: its stack is empty. So it goes from the system call to `body` and to exit(2)
// without touching anything that its parent has on its own stack.
#if defined(__x86_64__)

long clone3_and_call(clone_args* args, int (*body)(void*), void* argument) {
  register int (*kept_body)(void*) asm("r12") = body;
  register void* kept_argument asm("r13") = argument;
  long result = SYS_clone3;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %[argument], %%rdi\n\t"
      "call *%[body]\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(args), "S"(sizeof *args), [body] "r"(kept_body), [argument] "r"(kept_argument), [exit] "i"(SYS_exit)
      : "rcx", "r11", "cc", "memory");
  return result;
}

#elif defined(__aarch64__)

long clone3_and_call(clone_args* args, int (*body)(void*), void* argument) {
  register int (*kept_body)(void*) asm("x20") = body;
  register void* kept_argument asm("x21") = argument;
  register long result asm("x0") = reinterpret_cast<long>(args);
  register size_t size asm("x1") = sizeof *args;
  register long number asm("x8") = SYS_clone3;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x30, xzr\n\t"
      "mov x0, %[argument]\n\t"
      "blr %[body]\n\t"
      "mov x8, %[exit]\n\t"
      "svc #0\n\t"
      "brk #1\n"
      "1:"
      : "+r"(result)
      : "r"(size), "r"(number), [body] "r"(kept_body), [argument] "r"(kept_argument), [exit] "i"(SYS_exit)
      : "cc", "memory");
  return result;
}

#else

long clone3_and_call(clone_args*, int (*)(void*), void*) { return -ENOSYS; }

#endif

}  // namespace

pid_t clone_into_cgroup(ChildStack stack, int flags, int (*body)(void*), void* argument, int cgroup) {
  clone_args args{};
  args.flags = static_cast<uint64_t>(static_cast<unsigned>(flags & ~CSIGNAL)) | CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP;
  args.exit_signal = static_cast<uint64_t>(flags & CSIGNAL);
  args.stack = reinterpret_cast<uint64_t>(stack.lowest);
  args.stack_size = stack.size;
  args.cgroup = static_cast<uint64_t>(cgroup);
  const long result = clone3_and_call(&args, body, argument);
  if (result >= 0) return static_cast<pid_t>(result);
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace gantry
