// What every part of the keeper may use: the loop, the passing buffers, and the way to say that something degraded.
#pragma once

#include <functional>
#include <string>

#include "linux/page_buffer.h"
#include "stage1/keeper/log_disk.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

struct Environment {
  explicit Environment(Loop& the_loop) : loop(the_loop) {}

  Loop& loop;
  // For bytes on their way in, within one callback. Given back to the kernel when nothing has used them for a while.
  PageBuffer input{256 << 10};
  LogDisk logs{loop};
  Timer rest;
  std::function<void(const std::string& app_id, const std::string& message)> warn;

  // After use of more than a few pages: gives memory back once things are quiet.
  void tidy_later();
};

}  // namespace gantry::keeper
