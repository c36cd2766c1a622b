#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

// Runs `body(argument)` in a child that shares this process's memory, on a stack of its own, and returns its pid when it
// has called exec or _exit; until then only the calling thread stands still. The child starts with every signal blocked
// and may use nothing but system calls. `flags` are clone(2)'s besides CLONE_VM and CLONE_VFORK, with the exit signal:
// 0 makes a child that only waitpid(__WALL) sees, so that it never meets a reaper of SIGCHLD. `cgroup`: the directory of a
// v2 cgroup to be born in; where that cannot be the child is born where this process is.
Result<pid_t> vfork_call(int flags, int (*body)(void*), void* argument, int cgroup = -1);

struct SpawnRequest {
  std::vector<std::string> argv;  // argv[0] is the executable's path; PATH is not searched
  std::vector<std::string> env;   // exactly this
  std::vector<int> fds;           // become 0, 1, 2 …; -1 is /dev/null; no other descriptor is handed on
  rlim_t nofile_soft = 1024;      // RLIMIT_NOFILE's soft limit, at most the hard one
  int cgroup = -1;                // see vfork_call()
  int executable = -1;            // the program's file, also with O_PATH; argv[0] is then only a name
};

// Starts a program in a session of its own, working directory /, signals as at boot. An exec that fails is this call's
// error, and leaves no child.
Result<pid_t> vfork_spawn(const SpawnRequest& request);

// waitpid(WNOHANG): the wait status of an ended child, nothing while it runs. ECHILD for what is no child (any more).
Result<std::optional<int>> reap_child(pid_t pid);

}  // namespace gantry
