// What others see of this process in /proc/<pid>/cmdline and environ.
#pragma once

namespace gantry {

// First thing in main(): where the kernel has put arguments and environment.
void remember_arguments(int count, char** arguments);
// Replaces command line and name (at most 15 bytes of it) of this process, and wipes the environment that it was started
// with: in a shared pid namespace other containers read them, and they name paths of the host. The arguments of main() are
// gone after this. Does nothing but set the name where remember_arguments() was not called.
void take_title(const char* title);

}  // namespace gantry
