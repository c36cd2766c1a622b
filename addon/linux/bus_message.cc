#include "linux/bus_message.h"

#include <string_view>

namespace gantry {

namespace {

Result<void> checked(int result, const char* operation) {
  if (result < 0) return Error{-result, operation, "D-Bus message", ""};
  return {};
}

Result<void> append_number(const BusLibrary& library, sd_bus_message* message, const BusValue& value) {
  const auto put = [&](auto number) { return checked(library.append_basic(message, value.type, &number), "append"); };
  switch (value.type) {
    case 'y': return put(static_cast<uint8_t>(value.number));
    case 'b': return put(static_cast<int>(value.number != 0));
    case 'n':
    case 'q': return put(static_cast<uint16_t>(value.number));
    case 'i':
    case 'u': return put(static_cast<uint32_t>(value.number));
    case 'd': return put(value.real);
    default: return put(value.number);  // t, x
  }
}

Result<void> append_container(const BusLibrary& library, sd_bus_message* message, const BusValue& value) {
  const std::string contents = value.text;
  const char type = value.type == '(' ? 'r' : value.type == '{' ? 'e' : value.type;
  GANTRY_TRY(checked(library.open_container(message, type, contents.c_str()), "open container in"));
  for (const BusValue& item : value.items) GANTRY_TRY(append_to_message(library, message, item));
  return checked(library.close_container(message), "close container in");
}

Result<BusValue> read_value(const BusLibrary& library, sd_bus_message* message, char type, const char* contents);

Result<BusValue> read_container(const BusLibrary& library, sd_bus_message* message, char type, const char* contents) {
  BusValue value;
  value.type = type == 'r' ? '(' : type == 'e' ? '{' : type;
  value.text = contents == nullptr ? "" : contents;
  GANTRY_TRY(checked(library.enter_container(message, type, contents), "enter container of"));
  auto items = read_message(library, message);
  if (!items) return items.error();
  value.items = std::move(*items);
  GANTRY_TRY(checked(library.exit_container(message), "leave container of"));
  return value;
}

Result<BusValue> read_value(const BusLibrary& library, sd_bus_message* message, char type, const char* contents) {
  if (std::string_view("arev").find(type) != std::string_view::npos) return read_container(library, message, type, contents);
  BusValue value;
  value.type = type;
  union {
    uint8_t byte;
    int boolean;
    uint16_t u16;
    int16_t i16;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    double real;
    const char* text;
  } raw{};
  GANTRY_TRY(checked(library.read_basic(message, type, &raw), "read"));
  switch (type) {
    case 'y': value.number = raw.byte; break;
    case 'b': value.number = raw.boolean != 0; break;
    case 'n': value.number = static_cast<uint64_t>(static_cast<int64_t>(raw.i16)); break;
    case 'q': value.number = raw.u16; break;
    case 'i': value.number = static_cast<uint64_t>(static_cast<int64_t>(raw.i32)); break;
    case 'u': value.number = raw.u32; break;
    case 'd': value.real = raw.real; break;
    case 's':
    case 'o':
    case 'g': value.text = raw.text; break;
    case 't':
    case 'x': value.number = raw.u64; break;
    default: return Error{EOPNOTSUPP, "read", "D-Bus message", std::string("a value of type ") + type};
  }
  return value;
}

}  // namespace

Result<void> append_to_message(const BusLibrary& library, sd_bus_message* message, const BusValue& value) {
  switch (value.type) {
    case 's':
    case 'o':
    case 'g': return checked(library.append_basic(message, value.type, value.text.c_str()), "append");
    case 'a':
    case '(':
    case '{':
    case 'v': return append_container(library, message, value);
    default: return append_number(library, message, value);
  }
}

Result<std::vector<BusValue>> read_message(const BusLibrary& library, sd_bus_message* message) {
  std::vector<BusValue> values;
  for (;;) {
    char type = 0;
    const char* contents = nullptr;
    const int found = library.peek_type(message, &type, &contents);
    if (found < 0) return Error{-found, "read", "D-Bus message", ""};
    if (found == 0) return values;
    auto value = read_value(library, message, type, contents);
    if (!value) return value.error();
    values.push_back(std::move(*value));
  }
}

}  // namespace gantry
