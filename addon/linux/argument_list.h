#pragma once

#include <string>
#include <vector>

namespace gantry {

// A null-terminated char*[] over strings that outlive it, as execve wants it.
class ArgumentList {
 public:
  explicit ArgumentList(const std::vector<std::string>& strings) {
    pointers_.reserve(strings.size() + 1);
    for (const auto& text : strings) pointers_.push_back(const_cast<char*>(text.c_str()));
    pointers_.push_back(nullptr);
  }
  [[nodiscard]] char* const* get() const { return pointers_.data(); }

 private:
  std::vector<char*> pointers_;
};

}  // namespace gantry
