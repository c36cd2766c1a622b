// Volumes that an image declares: directories of the app's own, filled from the image before the app is made.
#pragma once

#include "linux/result.h"
#include "stage1/executor/app_setup.h"

namespace gantry::executor {

// Each volume's directory that is empty gets a copy of what the root has at its destination: owner, mode, extended
// attributes and content. Where the root has no directory there it stays as it is. Before anything is mounted in the root. By
// this process, with no more rights than the app's set-up has, and no path of the image is resolved outside of the root.
Result<void> fill_volumes(AppSetup& setup);

}  // namespace gantry::executor
