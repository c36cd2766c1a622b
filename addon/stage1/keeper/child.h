// A process that the executor cloned, on its way from the barrier to its end: its messages and its exit as callbacks.
#pragma once

#include <memory>
#include <string>

#include "linux/pidfd.h"
#include "stage1/executor/executor.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class Child {
 public:
  // Called in this order: placed, if it has cgroups to go to; warnings and at most one console; prepared; running; exited.
  // `failed` may take the place of placed, prepared or running and is followed by exited. exited comes always, once, and
  // last.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void child_placed() {}
    virtual void child_console(UniqueFd console) = 0;
    virtual void child_warning(const std::string& message) = 0;
    virtual void child_prepared() = 0;
    virtual void child_running() = 0;
    virtual void child_failed(Error error) = 0;
    virtual void child_exited(ExitStatus status) = 0;
  };

  static Result<std::unique_ptr<Child>> adopt(Loop& loop, executor::ChildProcess process, Listener& listener);

  [[nodiscard]] pid_t pid() const { return process_.pid; }
  [[nodiscard]] int pidfd() const { return process_.pidfd.get(); }
  Result<void> proceed() { return executor::command(process_, executor::ChildCommand::proceed); }
  Result<void> start();
  // ESRCH when it has ended.
  Result<void> signal(int number) const { return pidfd_send_signal(pidfd(), number); }

 private:
  Child(executor::ChildProcess process, Listener& listener) : process_(std::move(process)), listener_(listener) {}
  Result<void> watch(Loop& loop);
  void read_messages();
  void handle(executor::ChildMessage message);
  void sync_ended();
  void ended();

  executor::ChildProcess process_;
  Listener& listener_;
  Watch sync_watch_, exit_watch_;
  bool started_ = false;
  bool failed_ = false;
};

}  // namespace gantry::keeper
