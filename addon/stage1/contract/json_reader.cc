#include "stage1/contract/json_reader.h"

#include <rapidjson/error/en.h>

#include <limits>

namespace gantry::contract {

namespace {

// 2^63 and 2^64 as doubles. JavaScript's numbers are doubles: "no limit" (2^63 - 1, 2^64 - 1) reaches us rounded up.
constexpr double signed_end = 9223372036854775808.0;
constexpr double unsigned_end = 18446744073709551616.0;
constexpr double rounding = 1.0 + 1e-15;

}  // namespace

Result<void> JsonReader::parse_text(rapidjson::Document& document, std::string_view text) {
  // Iterative: a document nested a million deep must not overflow the stack.
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (!document.HasParseError()) return {};
  return Error{EINVAL, "parse", "offset " + std::to_string(document.GetErrorOffset()),
               std::string("not JSON: ") + rapidjson::GetParseError_En(document.GetParseError())};
}

void JsonReader::fail(std::string message) {
  if (!error_) error_ = Error{EINVAL, "parse", path_.empty() ? "document" : path_, std::move(message)};
}

bool JsonReader::expect_object(const Value& value) {
  if (value.IsObject()) return true;
  fail("must be an object");
  return false;
}

void JsonReader::scalar(const Value& value, bool& out) {
  if (!value.IsBool()) return fail("must be true or false");
  out = value.GetBool();
}

void JsonReader::scalar(const Value& value, std::string& out) {
  if (!value.IsString()) return fail("must be a string");
  out.assign(value.GetString(), value.GetStringLength());
  // Everything that we read ends as a C string in some system call; a NUL within would silently cut it.
  if (out.find('\0') != std::string::npos) fail("must not contain a NUL");
}

void JsonReader::scalar(const Value& value, int64_t& out) {
  if (value.IsInt64()) {
    out = value.GetInt64();
  } else if (value.IsNumber() && value.GetDouble() >= signed_end && value.GetDouble() <= signed_end * rounding) {
    out = std::numeric_limits<int64_t>::max();
  } else {
    fail("must be a 64-bit integer");
  }
}

void JsonReader::scalar(const Value& value, uint64_t& out) {
  if (value.IsUint64()) {
    out = value.GetUint64();
  } else if (value.IsNumber() && value.GetDouble() >= unsigned_end && value.GetDouble() <= unsigned_end * rounding) {
    out = std::numeric_limits<uint64_t>::max();
  } else {
    fail("must be an unsigned 64-bit integer");
  }
}

void JsonReader::scalar(const Value& value, int32_t& out) {
  if (!value.IsInt()) return fail("must be a 32-bit integer");
  out = value.GetInt();
}

void JsonReader::scalar(const Value& value, uint32_t& out) {
  if (!value.IsUint()) return fail("must be an unsigned 32-bit integer");
  out = value.GetUint();
}

}  // namespace gantry::contract
