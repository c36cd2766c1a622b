#include "stage1/keeper/environment.h"

#include <malloc.h>

#include "linux/clock.h"

namespace gantry::keeper {

void Environment::tidy_later() {
  if (rest.running()) return;
  rest.start(loop, nanoseconds_a_second / 2, [this] {
    input.release();
    output.release();
    ::malloc_trim(0);
  });
}

}  // namespace gantry::keeper
