#pragma once

namespace gantry {

// Unmaps the pages of this program's own code that are mapped now, and gives free heap back. They stay in the page cache,
// shared by all that run the program; what is needed again is mapped again, a few pages a fault. For a process that
// sleeps for hours after a start that touched everything. Only where the program is linked statically. Nothing pays for it: an
// exec after a quiet moment takes as long without (medians of 40 between 5 and 8 ms on a busy machine, in either order), while
// 0.9 MiB less is resident per pod.
void give_back_own_memory();

}  // namespace gantry
