#pragma once

#include <sys/types.h>

#include <cstddef>

namespace gantry {

struct ChildStack {
  void* lowest;
  size_t size;
};

// clone3(2) of a vfork child (CLONE_VM, CLONE_VFORK and clone(2)'s `flags` with the exit signal) that is born in a v2
// cgroup and runs `body` on a stack of its own, which the C library's clone() cannot. Its pid; -1 and errno, ENOSYS on
// machines that this is not written for.
pid_t clone_into_cgroup(ChildStack stack, int flags, int (*body)(void*), void* argument, int cgroup);

}  // namespace gantry
