// The pod's and the apps' manifests as stage1 reads them: src/stage1/manifest.ts in C++. Times are nanoseconds, sizes
// bytes, paths absolute on the host; an empty string is an absent member.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"

namespace gantry::contract {

// Bytes of a manifest: more is refused, not read.
constexpr size_t manifest_limit = 4 << 20;

enum class PodOwner { cri, cli };
enum class Flavor { namespaces, kvm, host };
enum class CgroupDriver { cgroupfs, systemd };
// Of a pid namespace: one for the pod, one an app, or the host's. ipc and uts know `pod` and `host`.
enum class NamespaceMode { pod, app, host };

struct PodNamespaces {
  std::string network;  // bound by stage0; empty: the host's
  std::string user;     // likewise
  NamespaceMode ipc = NamespaceMode::pod;
  NamespaceMode uts = NamespaceMode::pod;
  NamespaceMode pid = NamespaceMode::app;
};

struct PodCgroup {
  CgroupDriver driver = CgroupDriver::cgroupfs;
  std::string path;
};

struct PodManifest {
  std::string id;
  PodOwner owner = PodOwner::cri;
  Flavor flavor = Flavor::namespaces;
  std::string control_socket;
  std::string hostname;
  PodNamespaces namespaces;
  PodCgroup cgroup;
  std::map<std::string, std::string> sysctls;
  uint64_t shm_size = 0;
  std::string selinux_label;
  std::vector<std::string> apps;
  std::vector<std::string> on_exit;
  std::string directory;  // where it was read from: the pod directory
};

// `file`, `digest` and `format` of the manifest say where it comes from; here it is a directory.
struct LayerMount {
  std::string mountpoint;
};

enum class RootfsKind { layers, directory };

struct AppRootfs {
  RootfsKind kind = RootfsKind::layers;
  std::vector<LayerMount> layers;  // lowest first; none: an empty directory
  std::string writable;            // empty: read-only without an upper
  std::string mount_points;        // a directory that lies below them all; may be empty
  std::string path;                // kind directory
};

// What a mount with the source "gantry:image/<index>" shows, read-only.
struct ImageVolume {
  std::vector<LayerMount> layers;  // lowest first; none: an empty directory
  std::string sub_path;            // within the image; empty: all of it
};

// A directory of the app's own (its mount is in the document), which gets what the image has at `destination` before the app
// is made, if it is empty.
struct AppVolume {
  std::string directory;
  std::string destination;
};

enum class LogKind { cri, journald, inherit, none };

struct LogSink {
  LogKind kind = LogKind::none;
  std::string path;        // cri
  std::string identifier;  // journald
};

enum class RestartPolicy { never, on_failure, always };

struct Restart {
  RestartPolicy policy = RestartPolicy::never;
  int64_t backoff_initial = 0;
  int64_t backoff_max = 0;
};

enum class ProbeKind { liveness, readiness, startup };

struct AppProbe {
  ProbeKind kind = ProbeKind::liveness;
  std::vector<std::string> argv;
  int64_t initial_delay = 0, period = 0, timeout = 0;
  int success_threshold = 1, failure_threshold = 3;
};

struct AppManifest {
  std::string id;
  std::string name;
  AppRootfs rootfs;
  std::vector<ImageVolume> image_volumes;
  std::vector<AppVolume> volumes;
  bool stdin_open = false;  // `stdin`, which is a macro here
  bool stdin_once = false;
  LogSink log;
  int stop_signal = 15;
  std::string pid_target;
  NamespaceMode pid = NamespaceMode::app;
  std::vector<std::string> after;
  Restart restart;
  std::vector<AppProbe> probes;
  std::string directory;  // where it was read from: <pod dir>/apps/<id>
};

// Whether stage1 takes it as a pod's, app's or exec's id: it becomes a file's and a cgroup's name.
bool valid_id(std::string_view id);

// Both check what can be checked without touching what the paths name; EINVAL says which member of `file` is wrong.
Result<PodManifest> parse_pod_manifest(std::string_view json, const std::string& file);
Result<AppManifest> parse_app_manifest(std::string_view json, const std::string& file);

}  // namespace gantry::contract
