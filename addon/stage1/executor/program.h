// The last steps of every process of a container, its first one and those of execs alike.
#pragma once

#include <string>

#include "linux/proc_dir.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/executor/seccomp.h"
#include "stage1/executor/sync.h"

namespace gantry::executor {

// While /proc is the host's: what security modules shall do at the exec. Inherited by children.
Result<void> apply_labels(const ProcDir& proc, const contract::OciProcess& process);

// Limits, oom_score_adj, scheduling, umask. What this host does not let us have is a warning where the design says so.
Result<void> apply_limits(const ProcDir* proc, const contract::OciProcess& process, const ChildSync& sync);

// User, capabilities, seccomp, working directory, exec. In the container's root. Does not return.
[[noreturn]] void become_program(const contract::OciProcess& process, const Seccomp& seccomp, const ChildSync& sync);

// The same for a command in a running container, whose end is an answer in itself: a file that is found and cannot be run (no program, no
// interpreter, too many arguments) is told on its standard error, and by an exit code, as runc has it. The kubelet counts that as an exec
// probe's failure; an error it would throw away, probe after probe.
[[noreturn]] void become_command(const contract::OciProcess& process, const Seccomp& seccomp, const ChildSync& sync);

// The environment as the program gets it: the last of several values, and a HOME (from the root's /etc/passwd).
std::vector<std::string> make_environment(const contract::OciProcess& process);

}  // namespace gantry::executor
