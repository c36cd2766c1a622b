#include "stage1/executor/console.h"

#include <fcntl.h>

#include "linux/clone_process.h"
#include "linux/terminal.h"

namespace gantry::executor {

Result<UniqueFd> open_console(const RootDir& root, const std::optional<contract::OciConsoleSize>& size,
                              const ChildSync& sync) {
  auto multiplexer = root.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY);
  if (!multiplexer) {
    multiplexer.error().message = "a terminal needs a devpts file system at /dev/pts";
    return multiplexer.error();
  }
  auto terminal = open_terminal(std::move(*multiplexer));
  if (!terminal) return terminal.error();
  if (size && size->height != 0 && size->width != 0)
    GANTRY_TRY(set_terminal_size_of(terminal->slave.get(), size->height, size->width));
  sync.console(terminal->master.get());
  GANTRY_TRY(take_terminal(terminal->slave.get()));
  GANTRY_TRY(place_stdio(terminal->slave.get(), terminal->slave.get(), terminal->slave.get()));
  return std::move(terminal->slave);
}

}  // namespace gantry::executor
