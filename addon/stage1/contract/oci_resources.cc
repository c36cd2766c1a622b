// `linux.resources`, the half of the document that the keeper executes.
#include "stage1/contract/json_reader.h"
#include "stage1/contract/oci_spec.h"

namespace gantry::contract {

using Value = JsonReader::Value;

static void read(JsonReader& json, const Value& value, OciDeviceRule& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "allow", out.allow);
  json.optional(value, "type", out.type);
  json.optional(value, "major", out.major);
  json.optional(value, "minor", out.minor);
  json.optional(value, "access", out.access);
}

static void read(JsonReader& json, const Value& value, OciMemory& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "limit", out.limit);
  json.optional(value, "reservation", out.reservation);
  json.optional(value, "swap", out.swap);
  json.optional(value, "kernelTCP", out.kernel_tcp);
  json.optional(value, "swappiness", out.swappiness);
  json.optional(value, "disableOOMKiller", out.disable_oom_killer);
  json.optional(value, "useHierarchy", out.use_hierarchy);
  json.optional(value, "checkBeforeUpdate", out.check_before_update);
}

static void read(JsonReader& json, const Value& value, OciCpu& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "shares", out.shares);
  json.optional(value, "quota", out.quota);
  json.optional(value, "period", out.period);
  json.optional(value, "burst", out.burst);
  json.optional(value, "realtimeRuntime", out.realtime_runtime);
  json.optional(value, "realtimePeriod", out.realtime_period);
  json.optional(value, "cpus", out.cpus);
  json.optional(value, "mems", out.mems);
  json.optional(value, "idle", out.idle);
}

static void read(JsonReader& json, const Value& value, OciPids& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "limit", out.limit);
}

static void read(JsonReader& json, const Value& value, OciWeightDevice& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "major", out.major);
  json.required(value, "minor", out.minor);
  json.optional(value, "weight", out.weight);
  json.optional(value, "leafWeight", out.leaf_weight);
}

static void read(JsonReader& json, const Value& value, OciThrottle& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "major", out.major);
  json.required(value, "minor", out.minor);
  json.required(value, "rate", out.rate);
}

static void read(JsonReader& json, const Value& value, OciBlockIo& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "weight", out.weight);
  json.optional(value, "leafWeight", out.leaf_weight);
  json.optional(value, "weightDevice", out.weight_device);
  json.optional(value, "throttleReadBpsDevice", out.read_bps);
  json.optional(value, "throttleWriteBpsDevice", out.write_bps);
  json.optional(value, "throttleReadIOPSDevice", out.read_iops);
  json.optional(value, "throttleWriteIOPSDevice", out.write_iops);
}

static void read(JsonReader& json, const Value& value, OciHugepageLimit& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "pageSize", out.page_size);
  json.required(value, "limit", out.limit);
}

static void read(JsonReader& json, const Value& value, OciNetworkPriority& out) {
  if (!json.expect_object(value)) return;
  json.required(value, "name", out.name);
  json.required(value, "priority", out.priority);
}

static void read(JsonReader& json, const Value& value, OciNetworkResources& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "classID", out.class_id);
  json.optional(value, "priorities", out.priorities);
}

static void read(JsonReader& json, const Value& value, OciRdma& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "hcaHandles", out.hca_handles);
  json.optional(value, "hcaObjects", out.hca_objects);
}

void read(JsonReader& json, const Value& value, OciResources& out);

void read(JsonReader& json, const Value& value, OciResources& out) {
  if (!json.expect_object(value)) return;
  json.optional(value, "devices", out.devices);
  json.optional(value, "memory", out.memory);
  json.optional(value, "cpu", out.cpu);
  json.optional(value, "pids", out.pids);
  json.optional(value, "blockIO", out.block_io);
  json.optional(value, "hugepageLimits", out.hugepage_limits);
  json.optional(value, "network", out.network);
  json.optional(value, "rdma", out.rdma);
  json.optional(value, "unified", out.unified);
}

Result<OciResources> parse_oci_resources(std::string_view json) { return JsonReader::parse<OciResources>(json); }

}  // namespace gantry::contract
