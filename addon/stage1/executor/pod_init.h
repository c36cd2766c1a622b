#pragma once

#include <string>

#include "stage1/executor/executor.h"

namespace gantry::executor {

// PID 1 of a pid namespace that the pod's apps share: a clone of stage1 without rights and with nothing in sight, which
// takes over orphans and dies with stage1. Fills pid, init_pid and init_pidfd. Nothing is left on an error.
Result<void> start_pod_init(PodSandbox& sandbox, const std::string& selinux_label);

}  // namespace gantry::executor
