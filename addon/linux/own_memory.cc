#include "linux/own_memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

// The linker's: begin of the program and end of its code (end(3)). Nothing between the two is ever written, relocations of
// a position-independent program included, so nothing is lost.
extern "C" const char __executable_start, etext;

namespace gantry {

void give_back_own_memory() {
  ::malloc_trim(0);
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(&__executable_start) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(&etext) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace gantry
