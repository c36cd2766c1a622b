#include "stage1/contract/oci_spec.h"

#include <algorithm>

#include "stage1/contract/json_reader.h"

namespace gantry::contract {

using Value = JsonReader::Value;

// One function a struct, in the header's order. They are found by argument-dependent lookup from JsonReader::any.

static void read(JsonReader& json, const Value& value, OciIdMapping& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "containerID", out.container_id);
  json.required(value, "hostID", out.host_id);
  json.required(value, "size", out.size);
}

static void read(JsonReader& json, const Value& value, OciUser& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "uid", out.uid);
  json.optional(value, "gid", out.gid);
  json.optional(value, "umask", out.umask);
  json.optional(value, "additionalGids", out.additional_gids);
}

static void read(JsonReader& json, const Value& value, OciCapabilities& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "bounding", out.bounding);
  json.optional(value, "effective", out.effective);
  json.optional(value, "inheritable", out.inheritable);
  json.optional(value, "permitted", out.permitted);
  json.optional(value, "ambient", out.ambient);
}

static void read(JsonReader& json, const Value& value, OciRlimit& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "type", out.type);
  json.required(value, "soft", out.soft);
  json.required(value, "hard", out.hard);
}

static void read(JsonReader& json, const Value& value, OciScheduler& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "policy", out.policy);
  json.optional(value, "nice", out.nice);
  json.optional(value, "priority", out.priority);
  json.optional(value, "flags", out.flags);
  json.optional(value, "runtime", out.runtime);
  json.optional(value, "deadline", out.deadline);
  json.optional(value, "period", out.period);
}

static void read(JsonReader& json, const Value& value, OciIoPriority& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "class", out.io_class);
  json.optional(value, "priority", out.priority);
}

static void read(JsonReader& json, const Value& value, OciConsoleSize& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "height", out.height);
  json.required(value, "width", out.width);
}

static void read(JsonReader& json, const Value& value, OciCpuAffinity& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "initial", out.initial);
  json.optional(value, "final", out.final);
}

static void read(JsonReader& json, const Value& value, EnvBytes& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "entry", out.entry);
  json.required(value, "bytes", out.bytes);
  const auto is_none = [](uint32_t byte) { return byte == 0 || byte > 255; };
  if (std::ranges::any_of(out.bytes, is_none)) json.fail("the bytes of a variable must be from 1 to 255");
}

static void read(JsonReader& json, const Value& value, OciProcess& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "terminal", out.terminal);
  json.optional(value, "consoleSize", out.console_size);
  json.optional(value, "user", out.user);
  json.required(value, "args", out.args);
  json.optional(value, "env", out.env);
  json.optional(value, "envBytes", out.env_bytes);
  json.required(value, "cwd", out.cwd);
  json.optional(value, "capabilities", out.capabilities);
  json.optional(value, "rlimits", out.rlimits);
  json.optional(value, "noNewPrivileges", out.no_new_privileges);
  json.optional(value, "apparmorProfile", out.apparmor_profile);
  json.optional(value, "selinuxLabel", out.selinux_label);
  json.optional(value, "oomScoreAdj", out.oom_score_adj);
  json.optional(value, "scheduler", out.scheduler);
  json.optional(value, "ioPriority", out.io_priority);
  json.optional(value, "execCPUAffinity", out.exec_cpu_affinity);
  if (!json.failed() && out.args.empty()) json.fail("process.args must name a program");
  if (!json.failed() && !out.cwd.starts_with('/')) json.fail("process.cwd must be an absolute path");
}

static void read(JsonReader& json, const Value& value, OciRoot& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "path", out.path);
  json.optional(value, "readonly", out.readonly);
}

static void read(JsonReader& json, const Value& value, OciMount& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "destination", out.destination);
  json.optional(value, "type", out.type);
  json.optional(value, "source", out.source);
  json.optional(value, "options", out.options);
  json.optional(value, "uidMappings", out.uid_mappings);
  json.optional(value, "gidMappings", out.gid_mappings);
}

static void read(JsonReader& json, const Value& value, OciHook& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "path", out.path);
  json.optional(value, "args", out.args);
  json.optional(value, "env", out.env);
  json.optional(value, "timeout", out.timeout);
}

static void read(JsonReader& json, const Value& value, OciHooks& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "prestart", out.prestart);
  json.optional(value, "createRuntime", out.create_runtime);
  json.optional(value, "createContainer", out.create_container);
  json.optional(value, "startContainer", out.start_container);
  json.optional(value, "poststart", out.poststart);
  json.optional(value, "poststop", out.poststop);
}

static void read(JsonReader& json, const Value& value, OciNamespace& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "type", out.type);
  json.optional(value, "path", out.path);
}

static void read(JsonReader& json, const Value& value, OciDevice& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "path", out.path);
  json.required(value, "type", out.type);
  json.optional(value, "major", out.major);
  json.optional(value, "minor", out.minor);
  json.optional(value, "fileMode", out.file_mode);
  json.optional(value, "uid", out.uid);
  json.optional(value, "gid", out.gid);
}

static void read(JsonReader& json, const Value& value, OciSeccompArg& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "index", out.index);
  json.required(value, "value", out.value);
  json.optional(value, "valueTwo", out.value_two);
  json.required(value, "op", out.op);
}

static void read(JsonReader& json, const Value& value, OciSeccompRule& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "names", out.names);
  json.required(value, "action", out.action);
  json.optional(value, "errnoRet", out.errno_ret);
  json.optional(value, "args", out.args);
}

static void read(JsonReader& json, const Value& value, OciSeccomp& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "defaultAction", out.default_action);
  json.optional(value, "defaultErrnoRet", out.default_errno_ret);
  json.optional(value, "architectures", out.architectures);
  json.optional(value, "flags", out.flags);
  json.optional(value, "listenerPath", out.listener_path);
  json.optional(value, "listenerMetadata", out.listener_metadata);
  json.optional(value, "syscalls", out.syscalls);
}

static void read(JsonReader& json, const Value& value, OciPersonality& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "domain", out.domain);
}

static void read(JsonReader& json, const Value& value, OciTimeOffset& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "secs", out.secs);
  json.optional(value, "nanosecs", out.nanosecs);
}

static void read(JsonReader& json, const Value& value, OciIntelRdt& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "closID", out.clos_id);
  json.optional(value, "l3CacheSchema", out.l3_cache_schema);
  json.optional(value, "memBwSchema", out.mem_bw_schema);
  json.optional(value, "schemata", out.schemata);
}

static void read(JsonReader& json, const Value& value, OciNetDevice& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "name", out.name);
}

void read(JsonReader& json, const Value& value, OciResources& out);  // oci_resources.cc

static void read(JsonReader& json, const Value& value, OciLinux& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "namespaces", out.namespaces);
  json.optional(value, "uidMappings", out.uid_mappings);
  json.optional(value, "gidMappings", out.gid_mappings);
  json.optional(value, "timeOffsets", out.time_offsets);
  json.optional(value, "devices", out.devices);
  json.optional(value, "cgroupsPath", out.cgroups_path);
  json.optional(value, "resources", out.resources);
  json.optional(value, "sysctl", out.sysctl);
  json.optional(value, "seccomp", out.seccomp);
  json.optional(value, "rootfsPropagation", out.rootfs_propagation);
  json.optional(value, "maskedPaths", out.masked_paths);
  json.optional(value, "readonlyPaths", out.readonly_paths);
  json.optional(value, "mountLabel", out.mount_label);
  json.optional(value, "intelRdt", out.intel_rdt);
  json.optional(value, "personality", out.personality);
  json.optional(value, "netDevices", out.net_devices);
}

static void read(JsonReader& json, const Value& value, OciSpec& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "ociVersion", out.oci_version);
  json.optional(value, "hostname", out.hostname);
  json.optional(value, "domainname", out.domainname);
  json.required(value, "process", out.process);
  json.required(value, "root", out.root);
  json.optional(value, "mounts", out.mounts);
  json.optional(value, "hooks", out.hooks);
  json.optional(value, "annotations", out.annotations);
  json.required(value, "linux", out.linux);
}

const OciNamespace* OciLinux::find_namespace(std::string_view type) const {
  for (const OciNamespace& entry : namespaces) {
    if (entry.type == type) return &entry;
  }
  return nullptr;
}

Result<OciSpec> parse_oci_spec(std::string_view json) { return JsonReader::parse<OciSpec>(json); }
Result<OciProcess> parse_oci_process(std::string_view json) { return JsonReader::parse<OciProcess>(json); }

}  // namespace gantry::contract
