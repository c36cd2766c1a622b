#include "linux/cgroup_devices.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace gantry {

namespace {

using Program = std::vector<bpf_insn>;

bpf_insn instruction(int code, uint8_t to, uint8_t from, int16_t offset, int32_t immediate) {
  bpf_insn insn{};
  insn.code = static_cast<uint8_t>(code);
  insn.dst_reg = to & 0xf;
  insn.src_reg = from & 0xf;
  insn.off = offset;
  insn.imm = immediate;
  return insn;
}

constexpr uint8_t result = BPF_REG_0, context = BPF_REG_1, kind = BPF_REG_2, access = BPF_REG_3, major_number = BPF_REG_4,
                  minor_number = BPF_REG_5, scratch = BPF_REG_6;

bpf_insn load(uint8_t to, size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, context, static_cast<int16_t>(offset), 0);
}
bpf_insn arithmetic(int operation, uint8_t to, int32_t value) {
  return instruction(BPF_ALU | operation | BPF_K, to, 0, 0, value);
}
// The jumps' distances are filled in when the rule is complete.
bpf_insn skip_rule_unless_equal(uint8_t reg, uint32_t value) {
  return instruction(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, static_cast<int32_t>(value));
}

void prologue(Program& program) {
  program.push_back(load(kind, offsetof(bpf_cgroup_dev_ctx, access_type)));
  program.push_back(arithmetic(BPF_AND, kind, 0xffff));
  program.push_back(load(access, offsetof(bpf_cgroup_dev_ctx, access_type)));
  program.push_back(arithmetic(BPF_RSH, access, 16));
  program.push_back(load(major_number, offsetof(bpf_cgroup_dev_ctx, major)));
  program.push_back(load(minor_number, offsetof(bpf_cgroup_dev_ctx, minor)));
}

void finish(Program& program, bool allow) {
  program.push_back(arithmetic(BPF_MOV, result, allow ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

// An allowing rule speaks of a request all of whose bits it has; a denying one of a request any of whose bits it has.
void access_condition(Program& program, const DeviceRule& rule) {
  constexpr uint32_t every = device_mknod | device_read | device_write;
  if ((rule.access & every) == every) return;
  const uint32_t mask = rule.allow ? ~rule.access & every : rule.access;
  program.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, scratch, access, 0, 0));
  program.push_back(arithmetic(BPF_AND, scratch, static_cast<int32_t>(mask)));
  program.push_back(instruction(BPF_JMP32 | (rule.allow ? BPF_JNE : BPF_JEQ) | BPF_K, scratch, 0, 0, 0));
}

void add_rule(Program& program, const DeviceRule& rule) {
  const size_t begin = program.size();
  if (rule.kind != DeviceKind::all) {
    const uint32_t wanted = rule.kind == DeviceKind::block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    program.push_back(skip_rule_unless_equal(kind, wanted));
  }
  access_condition(program, rule);
  if (rule.major) program.push_back(skip_rule_unless_equal(major_number, *rule.major));
  if (rule.minor) program.push_back(skip_rule_unless_equal(minor_number, *rule.minor));
  finish(program, rule.allow);
  for (size_t at = begin; at < program.size() - 1; ++at) {
    if ((program[at].code & 0x07) == BPF_JMP32) program[at].off = static_cast<int16_t>(program.size() - at - 1);
  }
}

// The last rule that fits wins, so the program asks them backwards. One that fits everything ends it; the verifier
// refuses what cannot be reached.
Program compile(std::span<const DeviceRule> rules) {
  Program program;
  prologue(program);
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    const size_t before = program.size();
    add_rule(program, *rule);
    if (program.size() == before + 2) return program;
  }
  finish(program, false);
  return program;
}

// Before Linux 5.11 a program counts as locked memory of its user, together with all others of that user's on the host:
// root's limit is used up by a few dozen containers. The limit is put back, for it is what the app is going to get.
class MoreLockedMemory {
 public:
  MoreLockedMemory() {
    if (::getrlimit(RLIMIT_MEMLOCK, &before_) < 0) return;
    const struct rlimit unlimited { RLIM_INFINITY, RLIM_INFINITY };
    const struct rlimit most { before_.rlim_max, before_.rlim_max };
    raised_ = ::setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0 || ::setrlimit(RLIMIT_MEMLOCK, &most) == 0;
  }
  ~MoreLockedMemory() {
    if (raised_) (void)::setrlimit(RLIMIT_MEMLOCK, &before_);
  }
  MoreLockedMemory(const MoreLockedMemory&) = delete;
  MoreLockedMemory& operator=(const MoreLockedMemory&) = delete;

 private:
  struct rlimit before_ {};
  bool raised_ = false;
};

Result<UniqueFd> load_program(const Program& program) {
  bpf_attr attr{};
  static constexpr char license[] = "Apache-2.0";
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<uint64_t>(program.data());
  attr.insn_cnt = static_cast<uint32_t>(program.size());
  attr.license = reinterpret_cast<uint64_t>(license);
  UniqueFd fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
  if (!fd.valid() && errno == EPERM) {
    const MoreLockedMemory more;
    fd.reset(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
  }
  if (!fd.valid()) return errno_error("bpf(BPF_PROG_LOAD)", "device program of " + std::to_string(program.size()));
  return fd;
}

}  // namespace

Result<UniqueFd> cgroup_attach_devices(const std::string& directory, std::span<const DeviceRule> rules,
                                       const UniqueFd& previous) {
  auto program = load_program(compile(rules));
  if (!program) return program.error();
  const UniqueFd cgroup(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.valid()) return errno_error("open", directory);
  bpf_attr attr{};
  attr.target_fd = static_cast<uint32_t>(cgroup.get());
  attr.attach_bpf_fd = static_cast<uint32_t>(program->get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (previous.valid()) {
    attr.attach_flags |= BPF_F_REPLACE;
    attr.replace_bpf_fd = static_cast<uint32_t>(previous.get());
  }
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) < 0) {
    return errno_error("bpf(BPF_PROG_ATTACH)", directory);
  }
  return program;
}

}  // namespace gantry
