#include "linux/seccomp_filter.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace gantry {

namespace {

Error library_error(int code, const char* operation, std::string subject) { return Error{-code, operation, std::move(subject), {}}; }

constexpr sock_filter statement(unsigned short code, uint32_t value) { return sock_filter{code, 0, 0, value}; }
constexpr sock_filter jump(unsigned short code, uint32_t value, uint8_t yes, uint8_t no) { return sock_filter{code, yes, no, value}; }

constexpr uint32_t x32_bit = 0x40000000;

Result<std::vector<sock_filter>> read_code(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  std::vector<sock_filter> code(static_cast<size_t>(std::max<off_t>(size, 0)) / sizeof(sock_filter));
  if (::pread(fd, code.data(), code.size() * sizeof(sock_filter), 0) != size) return errno_error("pread", "seccomp filter");
  return code;
}

}  // namespace

Result<UniqueFd> SeccompProgram::load(unsigned flags) const {
  sock_fprog program{static_cast<unsigned short>(code_.size()), const_cast<sock_filter*>(code_.data())};
  const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) return errno_error("seccomp", {}, errno == EINVAL ? "the kernel does not support the filter or one of its flags" : "");
  if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)) return UniqueFd();
  return UniqueFd(static_cast<int>(result));
}

void SeccompBuilder::Release::operator()(void* context) const { ::seccomp_release(context); }

Result<SeccompBuilder> SeccompBuilder::make(uint32_t default_action) {
  void* context = ::seccomp_init(default_action);
  if (context == nullptr) return Error{EINVAL, "seccomp_init", {}, "the default action is not supported"};
  SeccompBuilder builder(context);
  // A binary tree in place of a list: a filter of 400 system calls is walked in a few steps.
  (void)::seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  builder.last_syscall_[::seccomp_arch_native()] = -1;
  return builder;
}

Result<void> SeccompBuilder::add_architecture(const std::string& name) {
  const uint32_t token = ::seccomp_arch_resolve_name(name.c_str());
  if (token == 0) return Error{EINVAL, "seccomp", name, "unknown architecture"};
  const int code = ::seccomp_arch_add(context_.get(), token);
  if (code < 0 && code != -EEXIST) return library_error(code, "seccomp_arch_add", name);
  last_syscall_.emplace(token, -1);
  return {};
}

Result<void> SeccompBuilder::add_rule(uint32_t action, const std::string& syscall, std::span<const SeccompArgument> arguments) {
  const int number = ::seccomp_syscall_resolve_name(syscall.c_str());
  if (number == __NR_SCMP_ERROR) return {};
  for (auto& [architecture, last] : last_syscall_) {
    last = std::max(last, ::seccomp_syscall_resolve_name_arch(architecture, syscall.c_str()));
  }
  std::vector<scmp_arg_cmp> comparisons;
  for (const SeccompArgument& argument : arguments) {
    comparisons.push_back({argument.index, static_cast<scmp_compare>(argument.op), argument.value, argument.value_two});
  }
  const int code = ::seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(comparisons.size()), comparisons.data());
  if (code < 0) return library_error(code, "seccomp_rule_add", syscall);
  return {};
}

// One block an architecture: LD arch; JEQ token, +0, +3; LD nr; JGT last, +0, +1; RET ENOSYS. Falling through leads to the
// filter itself, which loads what it needs anew. x86-64 also carries x32, whose numbers have a bit of their own.
void SeccompBuilder::prepend_enosys(std::vector<sock_filter>& code) const {
  const uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;
  std::vector<sock_filter> stub;
  for (const auto& [architecture, last] : last_syscall_) {
    if (architecture == SCMP_ARCH_X32 || last < 0) continue;
    const bool has_x32_bit = architecture == SCMP_ARCH_X86_64;
    stub.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    stub.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, has_x32_bit ? 4 : 3));
    stub.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    if (has_x32_bit) stub.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 2, 0));
    stub.push_back(jump(BPF_JMP | BPF_JGT | BPF_K, static_cast<uint32_t>(last), 0, 1));
    stub.push_back(statement(BPF_RET | BPF_K, enosys));
  }
  code.insert(code.begin(), stub.begin(), stub.end());
}

Result<SeccompProgram> SeccompBuilder::compile(bool newer_is_enosys) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file.valid()) return errno_error("memfd_create", "seccomp");
  if (const int code = ::seccomp_export_bpf(context_.get(), file.get()); code < 0) return library_error(code, "seccomp_export_bpf", {});
  auto code = read_code(file.get());
  if (!code) return code.error();
  if (newer_is_enosys) prepend_enosys(*code);
  if (code->size() > BPF_MAXINSNS) return Error{E2BIG, "seccomp", {}, "the profile compiles to more than 4096 instructions"};
  return SeccompProgram(std::move(*code));
}

int seccomp_comparison(const std::string& name) {
  static constexpr struct {
    const char* name;
    int op;
  } table[] = {{"SCMP_CMP_NE", SCMP_CMP_NE}, {"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_LE", SCMP_CMP_LE},
               {"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE}, {"SCMP_CMP_GT", SCMP_CMP_GT},
               {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
  for (const auto& entry : table) {
    if (name == entry.name) return entry.op;
  }
  return -1;
}

}  // namespace gantry
