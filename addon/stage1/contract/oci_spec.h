// The OCI runtime specification's document (v1.3, config.md and config-linux.md) as far as stage1 executes it. Names
// are the specification's, in our spelling; sizes are bytes. Members that stage1 does not know are ignored, as the
// specification demands; a known one of the wrong type is an error that names its JSON path.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"

namespace gantry::contract {

struct OciIdMapping {
  uint32_t container_id = 0, host_id = 0, size = 0;
};

struct OciUser {
  uint32_t uid = 0, gid = 0;
  std::optional<uint32_t> umask;
  std::vector<uint32_t> additional_gids;
};

struct OciCapabilities {
  std::vector<std::string> bounding, effective, inheritable, permitted, ambient;
};

struct OciRlimit {
  std::string type;  // "RLIMIT_NOFILE"
  uint64_t soft = 0, hard = 0;
};

struct OciScheduler {
  std::string policy;  // "SCHED_OTHER" …
  int32_t nice = 0, priority = 0;
  std::vector<std::string> flags;
  uint64_t runtime = 0, deadline = 0, period = 0;  // nanoseconds
};

struct OciIoPriority {
  std::string io_class;  // "IOPRIO_CLASS_BE" …
  int32_t priority = 0;
};

struct OciConsoleSize {
  uint32_t height = 0, width = 0;
};

struct OciCpuAffinity {
  std::string initial, final;  // lists such as "0-3,7"
};

// Not of the specification: what an entry of `env` stands for whose bytes are no UTF-8, which JSON cannot hold.
struct EnvBytes {
  std::string entry;
  std::vector<uint32_t> bytes;
};

struct OciProcess {
  bool terminal = false;
  std::optional<OciConsoleSize> console_size;
  OciUser user;
  std::vector<std::string> args, env;
  std::vector<EnvBytes> env_bytes;
  std::string cwd;
  std::optional<OciCapabilities> capabilities;
  std::vector<OciRlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile, selinux_label;
  std::optional<int32_t> oom_score_adj;
  std::optional<OciScheduler> scheduler;
  std::optional<OciIoPriority> io_priority;
  std::optional<OciCpuAffinity> exec_cpu_affinity;
};

struct OciRoot {
  std::string path;
  bool readonly = false;
};

struct OciMount {
  std::string destination, type, source;
  std::vector<std::string> options;
  std::vector<OciIdMapping> uid_mappings, gid_mappings;
};

struct OciHook {
  std::string path;
  std::vector<std::string> args, env;
  std::optional<int32_t> timeout;  // seconds
};

struct OciHooks {
  std::vector<OciHook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct OciNamespace {
  std::string type, path;
};

struct OciDevice {
  std::string path, type;  // type: "c", "b", "u" (as "c") or "p"
  int64_t major = 0, minor = 0;
  std::optional<uint32_t> file_mode, uid, gid;
};

struct OciSeccompArg {
  uint32_t index = 0;
  uint64_t value = 0, value_two = 0;
  std::string op;
};

struct OciSeccompRule {
  std::vector<std::string> names;
  std::string action;
  std::optional<uint32_t> errno_ret;
  std::vector<OciSeccompArg> args;
};

struct OciSeccomp {
  std::string default_action;
  std::optional<uint32_t> default_errno_ret;
  std::vector<std::string> architectures, flags;
  std::string listener_path, listener_metadata;
  std::vector<OciSeccompRule> syscalls;
};

// --- linux.resources (config-linux.md, "Control groups"): an absent member stays as it is ---

struct OciDeviceRule {
  bool allow = false;
  std::string type, access;  // type: "a", "b", "c"; access: letters of "rwm"; empty: all
  std::optional<int64_t> major, minor;
};

struct OciMemory {
  std::optional<int64_t> limit, reservation, swap, kernel_tcp;  // -1: unlimited; swap: memory plus swap
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
};

struct OciCpu {
  std::optional<uint64_t> shares, period, burst, realtime_period;  // microseconds but for shares
  std::optional<int64_t> quota, realtime_runtime, idle;
  std::optional<std::string> cpus, mems;
};

struct OciPids {
  std::optional<int64_t> limit;  // ≤ 0 or -1: unlimited
};

struct OciWeightDevice {
  int64_t major = 0, minor = 0;
  std::optional<uint32_t> weight, leaf_weight;
};

struct OciThrottle {
  int64_t major = 0, minor = 0;
  uint64_t rate = 0;  // bytes or operations a second
};

struct OciBlockIo {
  std::optional<uint32_t> weight, leaf_weight;
  std::vector<OciWeightDevice> weight_device;
  std::vector<OciThrottle> read_bps, write_bps, read_iops, write_iops;
};

struct OciHugepageLimit {
  std::string page_size;  // "2MB"
  uint64_t limit = 0;
};

struct OciNetworkPriority {
  std::string name;
  uint32_t priority = 0;
};

struct OciNetworkResources {
  std::optional<uint32_t> class_id;
  std::vector<OciNetworkPriority> priorities;
};

struct OciRdma {
  std::optional<uint32_t> hca_handles, hca_objects;
};

struct OciResources {
  std::vector<OciDeviceRule> devices;
  std::optional<OciMemory> memory;
  std::optional<OciCpu> cpu;
  std::optional<OciPids> pids;
  std::optional<OciBlockIo> block_io;
  std::vector<OciHugepageLimit> hugepage_limits;
  std::optional<OciNetworkResources> network;
  std::map<std::string, OciRdma> rdma;
  std::map<std::string, std::string> unified;
};

struct OciPersonality {
  std::string domain;  // "LINUX", "LINUX32"
};

struct OciTimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
};

struct OciIntelRdt {
  std::string clos_id, l3_cache_schema, mem_bw_schema;
  std::vector<std::string> schemata;
};

struct OciNetDevice {
  std::string name;
};

struct OciLinux {
  std::vector<OciNamespace> namespaces;
  std::vector<OciIdMapping> uid_mappings, gid_mappings;
  std::map<std::string, OciTimeOffset> time_offsets;
  std::vector<OciDevice> devices;
  std::string cgroups_path;
  OciResources resources;
  std::map<std::string, std::string> sysctl;
  std::optional<OciSeccomp> seccomp;
  std::string rootfs_propagation;
  std::vector<std::string> masked_paths, readonly_paths;
  std::string mount_label;
  std::optional<OciIntelRdt> intel_rdt;
  std::optional<OciPersonality> personality;
  std::map<std::string, OciNetDevice> net_devices;

  [[nodiscard]] const OciNamespace* find_namespace(std::string_view type) const;
};

struct OciSpec {
  std::string oci_version, hostname, domainname;
  OciProcess process;
  OciRoot root;
  std::vector<OciMount> mounts;
  OciHooks hooks;
  std::map<std::string, std::string> annotations;
  OciLinux linux;  // a macro with -std=gnu++20; we compile with -std=c++20
};

// config.json, whole.
Result<OciSpec> parse_oci_spec(std::string_view json);
// The `process` object alone (exec).
Result<OciProcess> parse_oci_process(std::string_view json);
// The `linux.resources` object alone (update).
Result<OciResources> parse_oci_resources(std::string_view json);

}  // namespace gantry::contract
