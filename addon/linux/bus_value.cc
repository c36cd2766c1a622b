#include "linux/bus_value.h"

#include <string_view>

namespace gantry {

namespace {

constexpr std::string_view basic_types = "ybnqiutxdsogv";
constexpr int max_depth = 32;  // the specification's own

// The length of the complete type at `at`; 0: none.
size_t length_of_type(const std::string& signature, size_t at, int depth) {
  if (at >= signature.size() || depth > max_depth) return 0;
  const char type = signature[at];
  if (basic_types.find(type) != std::string_view::npos) return 1;
  if (type == 'a') {
    const size_t inside = length_of_type(signature, at + 1, depth + 1);
    return inside == 0 ? 0 : inside + 1;
  }
  if (type != '(' && type != '{') return 0;
  const char closing = type == '(' ? ')' : '}';
  size_t end = at + 1;
  while (end < signature.size() && signature[end] != closing) {
    const size_t member = length_of_type(signature, end, depth + 1);
    if (member == 0) return 0;
    end += member;
  }
  return end < signature.size() && end > at + 1 ? end + 1 - at : 0;
}

}  // namespace

std::string first_bus_type(const std::string& signature) { return signature.substr(0, length_of_type(signature, 0, 0)); }

std::string bus_type_inside(const std::string& type) {
  if (type.empty()) return {};
  return type[0] == 'a' ? type.substr(1) : type.substr(1, type.size() - 2);
}

}  // namespace gantry
