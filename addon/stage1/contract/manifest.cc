#include "stage1/contract/manifest.h"

#include <csignal>

#include "stage1/contract/json_reader.h"
#include "stage1/contract/version.h"

namespace gantry::contract {

using Value = JsonReader::Value;

namespace {

constexpr std::string_view id_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

// A string that must be one of `words`, as the enumerator of the same position.
template <typename Enum>
void choose(JsonReader& json, const Value& object, const char* name, std::initializer_list<std::string_view> words,
            Enum& out) {
  std::string word;
  json.optional(object, name, word);
  if (word.empty()) return;
  int at = 0;
  std::string all;
  for (const std::string_view known : words) {
    if (word == known) {
      out = static_cast<Enum>(at);
      return;
    }
    all += (at++ == 0 ? "" : ", ") + std::string(known);
  }
  json.fail(std::string(name) + " is '" + word + "' but must be one of: " + all);
}

void read_version(JsonReader& json, const Value& object) {
  uint32_t version = 0;
  json.required(object, "contractVersion", version);
  if (json.failed() || (version >= 1 && version <= contract_version())) return;
  json.fail("contractVersion is " + std::to_string(version) + "; this stage1 knows 1 to " +
            std::to_string(contract_version()) + ": use the stage1 of the release that wrote the manifest");
}

// Ids become names of directories and cgroups: no separators, no dots that climb.
void read_id(JsonReader& json, const Value& object, std::string& id) {
  json.required(object, "id", id);
  if (json.failed()) return;
  if (!valid_id(id)) {
    json.fail("id '" + id + "' must be 1 to 255 letters, digits, '.', '_' or '-'");
  }
}

void read_path(JsonReader& json, const Value& object, const char* name, std::string& path) {
  json.optional(object, name, path);
  if (!path.empty() && path[0] != '/') json.fail(std::string(name) + " '" + path + "' must be an absolute path");
}

void read_required_path(JsonReader& json, const Value& object, const char* name, std::string& path) {
  json.required(object, name, path);
  read_path(json, object, name, path);
  if (path.empty()) json.fail(std::string(name) + " must not be empty");
}

void read_duration(JsonReader& json, const Value& object, const char* name, int64_t& out) {
  json.optional(object, name, out);
  if (out < 0) json.fail(std::string(name) + " must not be negative");
}

void read_pid_mode(JsonReader& json, const Value& object, NamespaceMode& mode) {
  choose(json, object, "pid", {"pod", "app", "host"}, mode);
}

void read_pod_or_host(JsonReader& json, const Value& object, const char* name, NamespaceMode& mode) {
  bool host = false;
  choose(json, object, name, {"pod", "host"}, host);
  mode = host ? NamespaceMode::host : NamespaceMode::pod;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// What is wrong is a member; which file it is in must be said too.
Error in_file(Error error, const std::string& file) {
  error.message = error.subject + " " + error.message;
  error.subject = file;
  return error;
}

}  // namespace

static void read(JsonReader& json, const Value& value, PodNamespaces& out) {
  if (!json.expect_object(value)) return;
  read_path(json, value, "network", out.network);
  read_path(json, value, "user", out.user);
  read_pod_or_host(json, value, "ipc", out.ipc);
  read_pod_or_host(json, value, "uts", out.uts);
  read_pid_mode(json, value, out.pid);
}

static void read(JsonReader& json, const Value& value, PodCgroup& out) {
  if (!json.expect_object(value)) return;
  choose(json, value, "driver", {"cgroupfs", "systemd"}, out.driver);
  json.optional(value, "path", out.path);
  if (out.path.find("..") != std::string::npos) json.fail("path '" + out.path + "' must not contain '..'");
  if (out.driver == CgroupDriver::cgroupfs) read_path(json, value, "path", out.path);
}

static void read(JsonReader& json, const Value& value, LayerMount& out) {
  if (!json.expect_object(value)) return;
  read_required_path(json, value, "mountpoint", out.mountpoint);
}

static void read(JsonReader& json, const Value& value, AppRootfs& out) {
  if (!json.expect_object(value)) return;
  choose(json, value, "kind", {"layers", "directory"}, out.kind);
  if (out.kind == RootfsKind::directory) return read_required_path(json, value, "path", out.path);
  read_path(json, value, "writable", out.writable);
  read_path(json, value, "mountPoints", out.mount_points);
  json.required(value, "layers", out.layers);
}

static void read(JsonReader& json, const Value& value, ImageVolume& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "layers", out.layers);
  json.optional(value, "subPath", out.sub_path);
}

static void read(JsonReader& json, const Value& value, AppVolume& out) {
  if (!json.expect_object(value)) return;
  read_required_path(json, value, "directory", out.directory);
  read_required_path(json, value, "destination", out.destination);
}

static void read(JsonReader& json, const Value& value, LogSink& out) {
  if (!json.expect_object(value)) return;
  choose(json, value, "kind", {"cri", "journald", "inherit", "none"}, out.kind);
  if (out.kind == LogKind::cri) read_required_path(json, value, "path", out.path);
  if (out.kind == LogKind::journald) json.required(value, "identifier", out.identifier);
}

static void read(JsonReader& json, const Value& value, Restart& out) {
  if (!json.expect_object(value)) return;
  choose(json, value, "policy", {"never", "on-failure", "always"}, out.policy);
  read_duration(json, value, "backoffInitial", out.backoff_initial);
  read_duration(json, value, "backoffMax", out.backoff_max);
}

static void read(JsonReader& json, const Value& value, AppProbe& out) {
  if (!json.expect_object(value)) return;
  choose(json, value, "kind", {"liveness", "readiness", "startup"}, out.kind);
  json.required(value, "argv", out.argv);
  if (out.argv.empty()) json.fail("argv must name a program");
  read_duration(json, value, "initialDelay", out.initial_delay);
  read_duration(json, value, "period", out.period);
  read_duration(json, value, "timeout", out.timeout);
  json.optional(value, "successThreshold", out.success_threshold);
  json.optional(value, "failureThreshold", out.failure_threshold);
  if (out.success_threshold < 0 || out.failure_threshold < 0) json.fail("thresholds must not be negative");
}

static void read(JsonReader& json, const Value& value, AppManifest& out) {
  if (!json.expect_object(value)) return;
  read_version(json, value);
  read_id(json, value, out.id);
  json.required(value, "name", out.name);
  json.required(value, "rootfs", out.rootfs);
  json.optional(value, "imageVolumes", out.image_volumes);
  json.optional(value, "volumes", out.volumes);
  json.optional(value, "stdin", out.stdin_open);
  json.optional(value, "stdinOnce", out.stdin_once);
  json.required(value, "log", out.log);
  json.optional(value, "stopSignal", out.stop_signal);
  if (out.stop_signal < 1 || out.stop_signal >= NSIG) json.fail("stopSignal must be a signal's number");
  json.optional(value, "pidTarget", out.pid_target);
  read_pid_mode(json, value, out.pid);
  json.optional(value, "after", out.after);
  json.optional(value, "restart", out.restart);
  json.optional(value, "probes", out.probes);
}

static void read(JsonReader& json, const Value& value, PodManifest& out) {
  if (!json.expect_object(value)) return;
  read_version(json, value);
  read_id(json, value, out.id);
  choose(json, value, "owner", {"cri", "cli"}, out.owner);
  choose(json, value, "flavor", {"namespaces", "kvm", "host"}, out.flavor);
  read_required_path(json, value, "controlSocket", out.control_socket);
  json.optional(value, "hostname", out.hostname);
  json.required(value, "namespaces", out.namespaces);
  json.required(value, "cgroup", out.cgroup);
  json.optional(value, "sysctls", out.sysctls);
  json.optional(value, "shmSize", out.shm_size);
  json.optional(value, "selinuxLabel", out.selinux_label);
  json.optional(value, "apps", out.apps);
  json.optional(value, "onExit", out.on_exit);
  for (const std::string& id : out.apps) {
    if (!valid_id(id)) json.fail("apps: '" + id + "' is no app's id");
  }
}

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= 255 && id[0] != '.' && id.find_first_not_of(id_letters) == std::string_view::npos;
}

Result<PodManifest> parse_pod_manifest(std::string_view json, const std::string& file) {
  auto pod = JsonReader::parse<PodManifest>(json);
  if (!pod) return in_file(std::move(pod.error()), file);
  pod->directory = directory_of(file);
  return pod;
}

Result<AppManifest> parse_app_manifest(std::string_view json, const std::string& file) {
  auto app = JsonReader::parse<AppManifest>(json);
  if (!app) return in_file(std::move(app.error()), file);
  app->directory = directory_of(file);
  return app;
}

}  // namespace gantry::contract
