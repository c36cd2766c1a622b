// A value of the D-Bus specification's type system ("Type System"), as a tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gantry {

struct BusValue {
  char type = 0;                // one of "ybnqiutxdsog", or 'a', '(', '{', 'v'
  uint64_t number = 0;          // y b n q i u t x; negative ones as two's complement
  double real = 0;              // d
  std::string text;             // s o g; of 'a' and 'v': the signature of what is inside
  std::vector<BusValue> items;  // 'a', '(', '{'; 'v': one
};

// The first complete type of a signature: "a(sv)" of "a(sv)u". Empty when there is none, or no valid one.
std::string first_bus_type(const std::string& signature);
// What is inside of a container's type: "(sv)" of "a(sv)", "sv" of "(sv)" and of "{sv}".
std::string bus_type_inside(const std::string& type);

}  // namespace gantry
