#include "stage1/keeper/environment.h"

#include "linux/clock.h"
#include "linux/own_memory.h"

namespace gantry::keeper {

void Environment::tidy_later() {
  if (rest.running()) return;
  rest.start(loop, nanoseconds_a_second / 2, [this] {
    input.release();
    logs.tidy();
    give_back_own_memory();
  });
}

}  // namespace gantry::keeper
