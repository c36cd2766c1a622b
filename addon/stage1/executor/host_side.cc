#include "stage1/executor/host_side.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "linux/clone_process.h"
#include "linux/descriptor_limit.h"
#include "linux/file_label.h"
#include "linux/mount.h"
#include "linux/packet_socket.h"
#include "stage1/executor/hooks.h"
#include "stage1/executor/id_map.h"
#include "stage1/executor/image_volume.h"
#include "stage1/executor/mount_options.h"
#include "stage1/executor/pod_shm.h"
#include "stage1/executor/rootfs.h"
#include "stage1/executor/sync.h"

namespace gantry::executor {

namespace {

class LocalHostSide : public HostSide {
 public:
  LocalHostSide(const PodSandbox& sandbox, const AppRequest& request, pid_t app_pid)
      : sandbox_(sandbox), request_(request), app_pid_(app_pid) {}

  Result<UniqueFd> rootfs() override {
    return make_rootfs(request_.app.rootfs,
                       {request_.app.directory, sandbox_.user.get(), request_.spec.linux.mount_label});
  }

  Result<UniqueFd> mount_source(size_t index) override {
    const contract::OciMount& wanted = request_.spec.mounts.at(index);
    if (is_image_volume(wanted)) {
      return image_volume_source(sandbox_, request_.app, wanted, request_.spec.linux.mount_label);
    }
    const MountOptions options = parse_mount_options(wanted.options);
    // A relative source is the bundle's (config.md, "Mounts").
    const bool absolute = wanted.source.starts_with('/');
    auto mount = path(absolute ? wanted.source : request_.app.directory + "/" + wanted.source, options.recursive);
    if (!mount) return mount;
    if (options.id_map || !wanted.uid_mappings.empty()) {
      GANTRY_TRY(map_ids(mount->get(), wanted, options, sandbox_.user.get()));
    }
    return mount;
  }

  Result<UniqueFd> path(const std::string& path, bool recursive) override {
    auto mount = clone_mount(AT_FDCWD, path, recursive);
    if (!mount && mount.error().code == ENOENT)
      mount.error().message = "the source of a mount does not exist on the host";
    return mount;
  }

  Result<UniqueFd> volume(size_t index) override {
    auto mount = path(request_.app.volumes.at(index).directory, false);
    const std::string& label = request_.spec.linux.mount_label;
    if (mount && !label.empty()) GANTRY_TRY(label_directory(mount->get(), label));
    return mount;
  }

  Result<UniqueFd> pod_shm() override {
    auto clone = clone_pod_shm(sandbox_);
    const std::string& label = request_.spec.linux.mount_label;
    if (clone && clone->valid() && !label.empty()) GANTRY_TRY(label_directory(clone->get(), label));
    return clone;
  }

  Result<void> runtime_hooks() override {
    const contract::OciHooks& hooks = request_.spec.hooks;
    const HookState state{request_.app.id, "creating", app_pid_, request_.app.directory, request_.spec.annotations};
    GANTRY_TRY(run_hooks("prestart", hooks.prestart, state));
    return run_hooks("createRuntime", hooks.create_runtime, state);
  }

 private:
  const PodSandbox& sandbox_;
  const AppRequest& request_;
  pid_t app_pid_;
};

// A question is a letter and its argument, an answer "+" with a descriptor, or "-" and an Error.
class RemoteHostSide : public HostSide {
 public:
  explicit RemoteHostSide(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<UniqueFd> rootfs() override { return ask("R"); }
  Result<UniqueFd> mount_source(size_t index) override { return ask("M" + std::to_string(index)); }
  Result<UniqueFd> path(const std::string& path, bool recursive) override {
    return ask((recursive ? "T" : "P") + path);
  }
  Result<UniqueFd> volume(size_t index) override { return ask("V" + std::to_string(index)); }
  Result<UniqueFd> pod_shm() override { return ask("S"); }
  Result<void> runtime_hooks() override {
    auto answer = ask("H");
    if (!answer) return answer.error();
    return {};
  }

 private:
  Result<UniqueFd> ask(const std::string& question) {
    GANTRY_TRY(send_packet(socket_.get(), question));
    auto answer = receive_packet(socket_.get());
    if (!answer) return Error{ECHILD, "receive", "the host's side", "the process that stayed on the host died"};
    if (answer->bytes[0] == '-') return decode_error(std::string_view(answer->bytes).substr(1));
    return std::move(answer->fd);
  }

  UniqueFd socket_;
};

Result<UniqueFd> answer(HostSide& host, const std::string& question) {
  const std::string argument = question.substr(1);
  switch (question[0]) {
    case 'R':
      return host.rootfs();
    case 'M':
      return host.mount_source(std::stoul(argument));
    case 'P':
      return host.path(argument, false);
    case 'S':
      return host.pod_shm();
    case 'T':
      return host.path(argument, true);
    case 'V':
      return host.volume(std::stoul(argument));
    default:
      break;
  }
  if (auto done = host.runtime_hooks(); !done) return done.error();
  return UniqueFd();
}

[[noreturn]] void serve(HostSide& host, int socket) {
  for (;;) {
    auto question = receive_packet(socket);
    if (!question) exit_now(0);
    auto result = answer(host, question->bytes);
    if (result) {
      (void)send_packet(socket, "+", result->get());
    } else {
      (void)send_packet(socket, "-" + encode_error(result.error()));
    }
  }
}

}  // namespace

std::unique_ptr<HostSide> local_host_side(const PodSandbox& sandbox, const AppRequest& request, pid_t app_pid) {
  return std::make_unique<LocalHostSide>(sandbox, request, app_pid);
}

std::unique_ptr<HostSide> remote_host_side(UniqueFd socket) {
  return std::make_unique<RemoteHostSide>(std::move(socket));
}

Result<void> start_host_side(const PodSandbox& sandbox, const AppRequest& request, pid_t app_pid, UniqueFd socket) {
  auto parent = clone_process(0);
  if (!parent) return parent.error();
  if (parent->pid != 0) {
    GANTRY_TRY(wait_for(parent->pid));
    return {};
  }
  // Cloned twice: the keeper must not find a child that it does not know.
  auto child = clone_process(0);
  if (!child || child->pid != 0) exit_now(child ? 0 : 1);
  const int keep[] = {0, 1, 2, socket.get(), sandbox.user.get(), sandbox.shm.get(), sandbox.shm_namespace.get()};
  if (!close_all_except(keep)) exit_now(1);
  reset_signals();
  restore_descriptor_limit();
  LocalHostSide host(sandbox, request, app_pid);
  serve(host, socket.get());
}

}  // namespace gantry::executor
