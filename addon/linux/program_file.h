// Finding and becoming a program.
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

// The file that `name` means: itself when it has a slash, else the first executable of that name in `search`
// ("/bin:/usr/bin"). The errors' messages are those that users of Go runtimes know: exec: "x": executable file not
// found in $PATH.
Result<std::string> find_program(const std::string& name, const std::string& search);

// Returns only when it failed.
Error exec_program(const std::string& path, const std::vector<std::string>& argv, const std::vector<std::string>& env);

// chdir(2); EACCES and ENOENT name `path`.
Result<void> change_directory(const std::string& path);
// EXDEV when the working directory cannot be reached from the root: a descriptor of the host led there.
Result<void> check_working_directory();

// Gives descriptors 0, 1 and 2 to `uid`, as far as that is possible: /dev/stdout can then be opened by that user.
void give_stdio_to(unsigned uid);

}  // namespace gantry
