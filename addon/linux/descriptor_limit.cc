#include "linux/descriptor_limit.h"

#include "linux/signal_state.h"

namespace gantry {

namespace {

bool raised = false;
rlim_t given = 0;

}  // namespace

void raise_descriptor_limit() {
  given = given_descriptor_limit();
  raised = true;
  set_soft_nofile(RLIM_INFINITY);
}

void restore_descriptor_limit() {
  if (raised) set_soft_nofile(given);
}

rlim_t given_descriptor_limit() {
  if (raised) return given;
  struct rlimit limit {};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

}  // namespace gantry
