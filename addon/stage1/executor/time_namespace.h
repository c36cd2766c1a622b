#pragma once

#include "linux/proc_dir.h"
#include "linux/result.h"
#include "stage1/contract/oci_spec.h"

namespace gantry::executor {

// Joins or makes the time namespace of spec.linux.namespaces, with spec.linux.timeOffsets; nothing where there is none.
Result<void> enter_time_namespace(const contract::OciLinux& spec, const ProcDir& proc);

}  // namespace gantry::executor
