#include "linux/seccomp_code.h"

#include <linux/seccomp.h>

#include <cstddef>
#include <span>

namespace gantry::seccomp_code {

namespace {

using Ranges = std::span<const std::pair<uint32_t, SeccompCode>>;

// A jump that leaves the condition unmet: patched to the end of the rule.
constexpr uint8_t to_end = 255;

constexpr sock_filter statement(unsigned short code, uint32_t value) { return sock_filter{code, 0, 0, value}; }
constexpr sock_filter jump(unsigned short code, uint32_t value, uint8_t yes, uint8_t no) {
  return sock_filter{static_cast<unsigned short>(BPF_JMP | BPF_K | code), yes, no, value};
}

constexpr sock_filter load(size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }

// Both hosts are little-endian: the low word comes first.
size_t low_word(unsigned index) { return offsetof(seccomp_data, args) + 8 * size_t{index}; }

void append(SeccompCode& code, std::initializer_list<sock_filter> more) { code.insert(code.end(), more); }
void append(SeccompCode& code, const SeccompCode& more) { code.insert(code.end(), more.begin(), more.end()); }

constexpr uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
constexpr uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

// The high words decide, unless they are equal: then the low ones do, in the two instructions that follow.
void compare_high(SeccompCode& code, const SeccompArgument& argument) {
  const uint32_t value = high(argument.value);
  code.push_back(load(low_word(argument.index) + 4));
  switch (argument.op) {
    case SeccompComparison::eq:
      append(code, {jump(BPF_JEQ, value, 0, to_end)});
      break;
    case SeccompComparison::ne:
      append(code, {jump(BPF_JEQ, value, 0, 2)});
      break;
    case SeccompComparison::ge:
    case SeccompComparison::gt:
      append(code, {jump(BPF_JGT, value, 3, 0), jump(BPF_JEQ, value, 0, to_end)});
      break;
    case SeccompComparison::lt:
    case SeccompComparison::le:
      append(code, {jump(BPF_JGT, value, to_end, 0), jump(BPF_JEQ, value, 0, 2)});
      break;
    case SeccompComparison::masked_eq:
      append(code,
             {statement(BPF_ALU | BPF_AND | BPF_K, value), jump(BPF_JEQ, high(argument.value_two) & value, 0, to_end)});
      break;
  }
}

void compare_low(SeccompCode& code, const SeccompArgument& argument) {
  const uint32_t value = low(argument.value);
  code.push_back(load(low_word(argument.index)));
  switch (argument.op) {
    case SeccompComparison::eq:
      append(code, {jump(BPF_JEQ, value, 0, to_end)});
      break;
    case SeccompComparison::ne:
      append(code, {jump(BPF_JEQ, value, to_end, 0)});
      break;
    case SeccompComparison::ge:
      append(code, {jump(BPF_JGE, value, 0, to_end)});
      break;
    case SeccompComparison::gt:
      append(code, {jump(BPF_JGT, value, 0, to_end)});
      break;
    case SeccompComparison::lt:
      append(code, {jump(BPF_JGE, value, to_end, 0)});
      break;
    case SeccompComparison::le:
      append(code, {jump(BPF_JGT, value, to_end, 0)});
      break;
    case SeccompComparison::masked_eq:
      append(code,
             {statement(BPF_ALU | BPF_AND | BPF_K, value), jump(BPF_JEQ, low(argument.value_two) & value, 0, to_end)});
      break;
  }
}

// The ranges from the first to the last; what is smaller than the first one's start does not come here.
SeccompCode search_in(Ranges ranges) {
  if (ranges.size() == 1) return ranges.front().second;
  const size_t half = ranges.size() / 2;
  const SeccompCode below = search_in(ranges.first(half));
  SeccompCode code;
  if (below.size() <= 255) {
    code = {jump(BPF_JGE, ranges[half].first, static_cast<uint8_t>(below.size()), 0)};
  } else {
    code = {jump(BPF_JGE, ranges[half].first, 0, 1), statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(below.size()))};
  }
  append(code, below);
  append(code, search_in(ranges.subspan(half)));
  return code;
}

}  // namespace

SeccompCode give(uint32_t action) { return {statement(BPF_RET | BPF_K, action)}; }
SeccompCode load_architecture() { return {load(offsetof(seccomp_data, arch))}; }
SeccompCode load_number() { return {load(offsetof(seccomp_data, nr))}; }

SeccompCode match(uint32_t action, const std::vector<SeccompArgument>& arguments, bool wide) {
  SeccompCode code;
  for (const SeccompArgument& argument : arguments) {
    if (wide) compare_high(code, argument);
    compare_low(code, argument);
  }
  append(code, give(action));
  // At most six arguments with seven instructions each: every distance fits a byte.
  for (size_t at = 0; at < code.size(); ++at) {
    const auto to_go = static_cast<uint8_t>(code.size() - at - 1);
    if (code[at].jt == to_end) code[at].jt = to_go;
    if (code[at].jf == to_end) code[at].jf = to_go;
  }
  return code;
}

SeccompCode only_if(uint32_t value, const SeccompCode& body) {
  SeccompCode code{jump(BPF_JEQ, value, 1, 0), statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(body.size()))};
  append(code, body);
  return code;
}

SeccompCode search(const std::vector<std::pair<uint32_t, SeccompCode>>& ranges) { return search_in(ranges); }

}  // namespace gantry::seccomp_code
