#include "stage1/keeper/child.h"

#include "linux/idle_process.h"
#include "linux/pidfd.h"

namespace gantry::keeper {

Result<std::unique_ptr<Child>> Child::adopt(Loop& loop, executor::ChildProcess process, Listener& listener) {
  std::unique_ptr<Child> child(new Child(std::move(process), listener));
  auto watched = child->watch(loop);
  if (watched) return child;
  // Nobody would learn of its end.
  kill_and_wait(child->pid());
  return watched.error();
}

Result<void> Child::watch(Loop& loop) {
  auto exit_watch = loop.watch(pidfd(), readable, [this](uint32_t) { ended(); });
  if (!exit_watch) return exit_watch.error();
  exit_watch_ = std::move(*exit_watch);
  auto sync_watch = loop.watch(process_.sync.get(), readable, [this](uint32_t) { read_messages(); });
  if (!sync_watch) return sync_watch.error();
  sync_watch_ = std::move(*sync_watch);
  return {};
}

Result<void> Child::start() {
  started_ = true;
  return executor::command(process_, executor::ChildCommand::start);
}

void Child::read_messages() {
  while (sync_watch_.active()) {
    auto message = executor::receive(process_);
    if (message.ok()) {
      handle(std::move(*message));
    } else if (message.error().code == EAGAIN) {
      return;
    } else {
      return sync_ended();
    }
  }
}

void Child::handle(executor::ChildMessage message) {
  switch (message.report) {
    case executor::ChildReport::placed: return listener_.child_placed();
    case executor::ChildReport::prepared: return listener_.child_prepared();
    case executor::ChildReport::console: return listener_.child_console(std::move(message.console));
    case executor::ChildReport::warning: return listener_.child_warning(message.text);
    case executor::ChildReport::refused: return listener_.child_running();
    case executor::ChildReport::failed:
      failed_ = true;
      return listener_.child_failed(std::move(message.error));
  }
}

// A successful exec closes the socket; so does the end of a process that was killed before it, which `exited` tells of.
void Child::sync_ended() {
  sync_watch_.end();
  process_.sync.reset();
  if (started_ && !failed_ && process_has_execed(pid())) listener_.child_running();
}

void Child::ended() {
  // What it said before it ended comes first.
  read_messages();
  auto status = pidfd_reap(process_.pidfd.get());
  if (!status && status.error().code == EAGAIN) return;
  exit_watch_.end();
  sync_watch_.end();
  listener_.child_exited(status.ok() ? *status : ExitStatus{255, 0});
}

}  // namespace gantry::keeper
