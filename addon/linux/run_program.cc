#include "linux/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "linux/argument_list.h"
#include "linux/clone_process.h"

namespace gantry {

namespace {

constexpr off_t most_output = 2048;

// Files in memory for what it reads and writes: neither side can block the other.
Result<UniqueFd> memory_file(const std::string& content) {
  UniqueFd fd(::memfd_create("stdio", MFD_CLOEXEC));
  if (!fd.valid()) return errno_error("memfd_create", "stdio");
  if (::pwrite(fd.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
    return errno_error("pwrite", "stdio");
  return fd;
}

[[noreturn]] void exec_child(const ProgramRun& run, int input, int output, int report) {
  const std::vector<std::string> argv = run.argv.empty() ? std::vector{run.path} : run.argv;
  const int keep[] = {input, output, report};
  reset_signals();
  ::setsid();
  const bool ready = close_all_except(keep).ok() && place_descriptor(input, 0).ok() &&
                     place_descriptor(output, 1).ok() && place_descriptor(output, 2).ok();
  if (ready) ::execve(run.path.c_str(), ArgumentList(argv).get(), ArgumentList(run.env).get());
  const int code = errno;
  (void)!::write(report, &code, sizeof code);
  exit_now(127);
}

std::string tail(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  std::string text(static_cast<size_t>(std::clamp<off_t>(size, 0, most_output)), '\0');
  const ssize_t length = ::pread(fd, text.data(), text.size(), size - static_cast<off_t>(text.size()));
  text.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Result<ProgramEnd> run_program(const ProgramRun& run) {
  auto input = memory_file(run.input);
  if (!input) return input.error();
  auto output = memory_file({});
  if (!output) return output.error();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return errno_error("pipe2");
  const UniqueFd report(ends[0]);
  UniqueFd child_report(ends[1]);
  auto child = clone_process(0);
  if (!child) return child.error();
  // The report must survive its own place among 0, 1 and 2, which are open in every process of ours.
  if (child->pid == 0) exec_child(run, input->get(), output->get(), child_report.get());
  child_report.reset();

  ProgramEnd end;
  pollfd entry{child->pidfd.get(), POLLIN, 0};
  int ready;
  do {
    ready = ::poll(&entry, 1, run.timeout ? *run.timeout * 1000 : -1);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    end.timed_out = true;
    ::kill(child->pid, SIGKILL);
    ::kill(-child->pid, SIGKILL);
  }
  auto status = wait_for(child->pid);
  if (!status) return status.error();
  end.status = *status;
  end.output = tail(output->get());
  int code = 0;
  if (::read(report.get(), &code, sizeof code) == sizeof code) return Error{code, "execve", run.path, {}};
  return end;
}

}  // namespace gantry
