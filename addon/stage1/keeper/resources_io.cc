// The rarer members of linux.resources: block devices, huge pages, network classes, RDMA, v2's own files, device access.
#include <algorithm>
#include <array>
#include <optional>

#include "linux/cgroup_devices.h"
#include "stage1/keeper/resource_files.h"

namespace gantry::keeper {

namespace {

std::string device_number(int64_t major, int64_t minor) { return std::to_string(major) + ":" + std::to_string(minor); }

// 10–1000, as v1 had it, spread over v2's 1–10000.
uint64_t io_weight_of(uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

void write_throttle(ResourceFiles& files, const std::vector<contract::OciThrottle>& throttles, const std::string& v1_file,
                    const std::string& v2_key) {
  files.about("blockIO." + v1_file);
  for (const contract::OciThrottle& throttle : throttles) {
    const std::string device = device_number(throttle.major, throttle.minor);
    if (files.is_v2("io")) {
      files.write("io", "io.max", device + " " + v2_key + "=" + (throttle.rate == 0 ? "max" : std::to_string(throttle.rate)));
    } else {
      files.write("blkio", "blkio.throttle." + v1_file, device + " " + std::to_string(throttle.rate));
    }
  }
}

void write_weight(ResourceFiles& files, const contract::OciBlockIo& io) {
  if (!io.weight || *io.weight == 0) return;
  if (!files.is_v2("io")) {
    const bool bfq = files.has_file("blkio", "blkio.bfq.weight");
    return files.write("blkio", bfq ? "blkio.bfq.weight" : "blkio.weight", std::to_string(*io.weight));
  }
  if (files.has_file("io", "io.bfq.weight")) return files.write("io", "io.bfq.weight", std::to_string(*io.weight));
  files.write("io", "io.weight", "default " + std::to_string(io_weight_of(std::max<uint32_t>(*io.weight, 10))));
}

void write_device_weights(ResourceFiles& files, const contract::OciBlockIo& io) {
  for (const contract::OciWeightDevice& entry : io.weight_device) {
    if (!entry.weight || *entry.weight == 0) continue;
    const std::string device = device_number(entry.major, entry.minor) + " ";
    if (!files.is_v2("io")) {
      files.write("blkio", "blkio.weight_device", device + std::to_string(*entry.weight));
    } else if (files.has_file("io", "io.bfq.weight")) {
      files.write("io", "io.bfq.weight", device + std::to_string(*entry.weight));
    } else {
      files.write("io", "io.weight", device + std::to_string(io_weight_of(std::max<uint32_t>(*entry.weight, 10))));
    }
  }
}

void write_hugepages(ResourceFiles& files, const std::vector<contract::OciHugepageLimit>& limits) {
  if (limits.empty() || !files.has("hugetlb")) return;
  for (const contract::OciHugepageLimit& page : limits) {
    const std::string file = "hugetlb." + page.page_size;
    const bool v2 = files.is_v2("hugetlb");
    // A limit that no page size can hold is how "unlimited" arrives.
    const std::string limit = page.limit > INT64_MAX ? (v2 ? "max" : "-1") : std::to_string(page.limit);
    files.about("hugepageLimits");
    files.write_named("hugetlb", file + (v2 ? ".max" : ".limit_in_bytes"), limit,
                      "the kernel has no pages of size " + page.page_size);
    files.write_if_there("hugetlb", file + (v2 ? ".rsvd.max" : ".rsvd.limit_in_bytes"), limit);
  }
}

void write_unified(ResourceFiles& files, const std::map<std::string, std::string>& unified) {
  const CgroupPlace* place = files.cgroup().unified();
  for (const auto& [file, value] : unified) {
    files.about("unified." + file);
    if (file.empty() || file.find('/') != std::string::npos) {
      return files.refuse("it must name a file of a cgroup, without slashes");
    }
    if (place == nullptr || !cgroup_has(place->directory, file)) {
      return files.refuse("this host has no such file in its v2 cgroups: the controller is on cgroup v1, or not there");
    }
    auto written = cgroup_write(place->directory, file, value);
    if (!written.ok()) return files.fail(std::move(written.error()));
  }
}

uint32_t access_bits(const std::string& letters) {
  if (letters.empty()) return device_mknod | device_read | device_write;
  uint32_t bits = 0;
  if (letters.find('r') != std::string::npos) bits |= device_read;
  if (letters.find('w') != std::string::npos) bits |= device_write;
  if (letters.find('m') != std::string::npos) bits |= device_mknod;
  return bits;
}

std::optional<uint32_t> device_part(const std::optional<int64_t>& number) {
  if (!number || *number < 0) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

bool is_every_kind(const contract::OciDeviceRule& rule) { return rule.type.empty() || rule.type == "a"; }

std::string v1_rule(const contract::OciDeviceRule& rule) {
  if (is_every_kind(rule)) return "a";
  const auto part = [](const std::optional<int64_t>& number) {
    return !number || *number < 0 ? std::string("*") : std::to_string(*number);
  };
  return rule.type + " " + part(rule.major) + ":" + part(rule.minor) + " " + (rule.access.empty() ? "rwm" : rule.access);
}

Result<void> write_devices_v1(const std::string& directory, const std::vector<contract::OciDeviceRule>& rules) {
  // Each file is opened once: there are a dozen rules in a container that asks for no device.
  std::array<std::optional<CgroupFile>, 2> files;
  for (const contract::OciDeviceRule& rule : rules) {
    auto& file = files[rule.allow];
    if (!file) {
      auto opened = CgroupFile::open(directory, rule.allow ? "devices.allow" : "devices.deny");
      if (!opened) return opened.error();
      file.emplace(std::move(*opened));
    }
    GANTRY_TRY(file->write(v1_rule(rule)));
  }
  return {};
}

std::vector<DeviceRule> kernel_rules(const std::vector<contract::OciDeviceRule>& rules) {
  std::vector<DeviceRule> out;
  for (const contract::OciDeviceRule& rule : rules) {
    DeviceRule converted;
    converted.allow = rule.allow;
    if (!is_every_kind(rule)) {
      converted.kind = rule.type == "b" ? DeviceKind::block : DeviceKind::character;
      converted.access = access_bits(rule.access);
      converted.major = device_part(rule.major);
      converted.minor = device_part(rule.minor);
    }
    out.push_back(converted);
  }
  return out;
}

}  // namespace

void write_block_io(ResourceFiles& files, const contract::OciBlockIo& io) {
  files.about("blockIO.weight");
  write_weight(files, io);
  write_device_weights(files, io);
  write_throttle(files, io.read_bps, "read_bps_device", "rbps");
  write_throttle(files, io.write_bps, "write_bps_device", "wbps");
  write_throttle(files, io.read_iops, "read_iops_device", "riops");
  write_throttle(files, io.write_iops, "write_iops_device", "wiops");
}

void write_others(ResourceFiles& files, const contract::OciResources& resources) {
  write_hugepages(files, resources.hugepage_limits);
  files.about("network");
  if (resources.network && resources.network->class_id) {
    files.write("net_cls", "net_cls.classid", std::to_string(*resources.network->class_id));
  }
  if (resources.network) {
    for (const auto& [name, priority] : resources.network->priorities) {
      files.write("net_prio", "net_prio.ifpriomap", name + " " + std::to_string(priority));
    }
  }
  files.about("rdma");
  for (const auto& [device, limits] : resources.rdma) {
    std::string value = device;
    if (limits.hca_handles) value += " hca_handle=" + std::to_string(*limits.hca_handles);
    if (limits.hca_objects) value += " hca_object=" + std::to_string(*limits.hca_objects);
    files.write("rdma", "rdma.max", value);
  }
  write_unified(files, resources.unified);
}

Result<void> ContainerCgroup::apply_devices(const std::vector<contract::OciDeviceRule>& rules, const Warn& warn) {
  if (const CgroupPlace* devices = with("devices")) return write_devices_v1(devices->directory, rules);
  const CgroupPlace* place = unified();
  if (place == nullptr) {
    warn("the host has no cgroup controller 'devices': access to devices is not limited");
    return {};
  }
  auto program = cgroup_attach_devices(place->directory, kernel_rules(rules), device_program_);
  if (!program) return program.error();
  device_program_ = std::move(*program);
  return {};
}

}  // namespace gantry::keeper
