// Runs one OCI bundle (a directory with config.json and its root) by the executor alone, without a keeper, and exits
// like its process: for comparing the executor with other runtimes, document by document. Not part of a release.
//
//   run-bundle BUNDLE [POD.JSON] [APP.JSON]
//
// Without POD.JSON: namespaces as config.json has them. Without APP.JSON: root.path as a directory. Environment:
// RUN_BUNDLE_OLD_KERNEL: behave as on Linux 5.10. RUN_BUNDLE_EXEC: a file with a `process` object, run inside once the
// first process runs; its exit code is the result.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "linux/clone_process.h"
#include "linux/kernel_age.h"
#include "linux/pidfd.h"
#include "linux/text_file.h"
#include "stage1/executor/executor.h"

namespace {

using namespace gantry;
using namespace gantry::executor;

pid_t running = 0;  // the bundle's first process

[[noreturn]] void die(const Error& error) {
  if (running != 0) ::kill(running, SIGKILL);
  std::fprintf(stderr, "run-bundle: %s\n", error.describe().c_str());
  std::exit(125);
}

template <typename T>
T need(Result<T> result) {
  if (!result) die(result.error());
  return std::move(*result);
}

void need(const Result<void>& result) {
  if (!result) die(result.error());
}

contract::PodManifest pod_of(const contract::OciSpec& spec, const char* file) {
  if (file != nullptr && *file != '\0') return need(contract::parse_pod_manifest(need(read_text_file(file)), file));
  contract::PodManifest pod;
  const auto mode = [&](const char* type, contract::NamespaceMode own) {
    return spec.linux.find_namespace(type) != nullptr ? own : contract::NamespaceMode::host;
  };
  pod.namespaces.ipc = mode("ipc", contract::NamespaceMode::pod);
  pod.namespaces.uts = mode("uts", contract::NamespaceMode::pod);
  pod.namespaces.pid = mode("pid", contract::NamespaceMode::app);
  if (const auto* network = spec.linux.find_namespace("network")) pod.namespaces.network = network->path;
  if (const auto* user = spec.linux.find_namespace("user")) pod.namespaces.user = user->path;
  pod.hostname = spec.hostname;
  return pod;
}

contract::AppManifest app_of(const contract::OciSpec& spec, const std::string& bundle, const char* file,
                             const contract::PodManifest& pod) {
  contract::AppManifest app;
  if (file != nullptr && *file != '\0') {
    app = need(contract::parse_app_manifest(need(read_text_file(file)), file));
  } else {
    app.id = "bundle";
    app.rootfs.kind = contract::RootfsKind::directory;
    app.rootfs.path = spec.root.path.starts_with('/') ? spec.root.path : bundle + "/" + spec.root.path;
    app.pid = pod.namespaces.pid;
  }
  app.directory = bundle;
  return app;
}

// Waits for one message or the end; false: the end. The terminal's master is pumped to our stdout.
bool next_message(const ChildProcess& child, ChildMessage& message, UniqueFd& console) {
  pollfd entry{child.sync.get(), POLLIN, 0};
  ::poll(&entry, 1, -1);
  auto received = receive(child);
  if (!received && received.error().code == ENODATA) return false;
  message = need(std::move(received));
  if (message.report == ChildReport::failed) die(message.error);
  if (message.report == ChildReport::warning) std::fprintf(stderr, "run-bundle: warning: %s\n", message.text.c_str());
  if (message.report == ChildReport::console) console = std::move(message.console);
  return true;
}

void bring_up(const ChildProcess& child, UniqueFd& console) {
  need(command(child, ChildCommand::proceed));
  ChildMessage message{};
  do {
    if (!next_message(child, message, console)) die(Error{ECHILD, "prepare", {}, "the process died"});
  } while (message.report != ChildReport::prepared);
  need(command(child, ChildCommand::start));
  while (next_message(child, message, console)) {
  }
}

void pump(const UniqueFd& console) {
  char buffer[4096];
  for (ssize_t length; console.valid() && (length = ::read(console.get(), buffer, sizeof buffer)) > 0;) {
    if (::write(1, buffer, static_cast<size_t>(length)) < 0) return;
  }
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 64;
  pretend_old_kernel = std::getenv("RUN_BUNDLE_OLD_KERNEL") != nullptr;
  const std::string bundle = arguments[1];
  const auto spec = need(contract::parse_oci_spec(need(read_text_file(bundle + "/config.json"))));
  const auto pod = pod_of(spec, count > 2 ? arguments[2] : nullptr);
  const auto app = app_of(spec, bundle, count > 3 ? arguments[3] : nullptr, pod);
  const PodSandbox sandbox = need(make_sandbox(pod));
  if (sandbox.init_pid != 0 && std::getenv("RUN_BUNDLE_VERBOSE") != nullptr)
    std::fprintf(stderr, "init %d\n", sandbox.init_pid);

  UniqueFd console;
  const ChildProcess child = need(clone_app(sandbox, AppRequest{app, spec, StdioEnds{0, 1, 2}}));
  running = child.pid;
  bring_up(child, console);
  int code = 0;
  if (const char* file = std::getenv("RUN_BUNDLE_EXEC")) {
    const auto process = need(contract::parse_oci_process(need(read_text_file(file))));
    UniqueFd exec_console;
    const ChildProcess exec =
        need(clone_exec(sandbox, ExecRequest{child.pidfd.get(), child.pid, process, spec.linux.seccomp, {0, 1, 2}}));
    bring_up(exec, exec_console);
    pump(exec_console);
    code = exit_code(need(wait_for(exec.pid)));
    need(pidfd_send_signal(child.pidfd.get(), SIGKILL));
    need(wait_for(child.pid));
  } else {
    pump(console);
    code = exit_code(need(wait_for(child.pid)));
  }
  if (sandbox.init_pid != 0) {
    need(pidfd_send_signal(sandbox.init_pidfd.get(), SIGKILL));
    need(wait_for(sandbox.init_pid));
  }
  return code;
}
