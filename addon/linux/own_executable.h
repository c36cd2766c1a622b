#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// Execs this program again, from a read-only mount of its own file that is attached nowhere (before Linux 5.12: from a
// sealed copy in memory). Through /proc/<pid>/exe a container meets the executable of every process of ours that joins
// it, and with enough rights could write to the host's file (CVE-2019-5736); through such a mount nobody can. Costs no
// memory, the page cache is shared. Returns at once where it has been done already, and after an error, which leaves
// everything as it was.
Result<void> run_from_read_only_mount(char* const argv[]);

// The file at `path` in such a mount, to be executed by descriptor: a program that is started so has it done already. The
// mount lives as long as the descriptor or a process that runs from it. Linux ≥ 5.12.
Result<UniqueFd> executable_in_read_only_mount(const std::string& path);

}  // namespace gantry
