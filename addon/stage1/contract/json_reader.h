// Reads a JSON document into plain structs: tolerant of members that nobody asked for, strict about the type of those
// that somebody did. The first thing that is wrong is kept as an Error whose subject is its JSON path
// ("process.args[2]").
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"

namespace gantry::contract {

class JsonReader {
 public:
  using Value = rapidjson::Value;

  // Parses `text` and reads the whole of it into `out` by the overload of read() for its type.
  template <typename T>
  static Result<T> parse(std::string_view text);

  // A member that may be absent (or null: Go writes that for an empty slice).
  template <typename T>
  void optional(const Value& object, const char* name, T& out) {
    member(object, name, out, false);
  }
  template <typename T>
  void required(const Value& object, const char* name, T& out) {
    member(object, name, out, true);
  }

  // Overloads of read() for structs call this first; false: it is no object, and the error is noted.
  bool expect_object(const Value& value);
  // Notes an error at the place that is being read; the first one wins.
  void fail(std::string message);
  [[nodiscard]] bool failed() const { return error_.has_value(); }

  void scalar(const Value& value, bool& out);
  void scalar(const Value& value, std::string& out);
  void scalar(const Value& value, int64_t& out);
  void scalar(const Value& value, uint64_t& out);
  void scalar(const Value& value, int32_t& out);
  void scalar(const Value& value, uint32_t& out);

  template <typename T>
  void any(const Value& value, T& out);
  template <typename T>
  void any(const Value& value, std::optional<T>& out);
  template <typename T>
  void any(const Value& value, std::vector<T>& out);
  template <typename T>
  void any(const Value& value, std::map<std::string, T>& out);

 private:
  template <typename T>
  void member(const Value& object, const char* name, T& out, bool must_be_there);
  static Result<void> parse_text(rapidjson::Document& document, std::string_view text);

  std::string path_{};
  std::optional<Error> error_;
};

template <typename T>
concept JsonScalar = std::is_same_v<T, bool> || std::is_same_v<T, std::string> || std::is_same_v<T, int64_t> ||
    std::is_same_v<T, uint64_t> || std::is_same_v<T, int32_t> || std::is_same_v<T, uint32_t>;

template <typename T>
void JsonReader::any(const Value& value, T& out) {
  if constexpr (JsonScalar<T>) {
    scalar(value, out);
  } else {
    read(*this, value, out);  // found by argument-dependent lookup, beside the struct
  }
}

template <typename T>
void JsonReader::any(const Value& value, std::optional<T>& out) {
  any(value, out.emplace());
}

template <typename T>
void JsonReader::any(const Value& value, std::vector<T>& out) {
  if (!value.IsArray()) return fail("must be an array");
  out.clear();
  out.reserve(value.Size());
  const size_t length = path_.size();
  for (rapidjson::SizeType i = 0; i < value.Size() && !failed(); ++i) {
    path_ += "[" + std::to_string(i) + "]";
    any(value[i], out.emplace_back());
    path_.resize(length);
  }
}

template <typename T>
void JsonReader::any(const Value& value, std::map<std::string, T>& out) {
  if (!expect_object(value)) return;
  out.clear();
  for (const auto& entry : value.GetObject()) {
    member(value, entry.name.GetString(), out[std::string(entry.name.GetString(), entry.name.GetStringLength())], true);
    if (failed()) return;
  }
}

template <typename T>
void JsonReader::member(const Value& object, const char* name, T& out, bool must_be_there) {
  if (failed()) return;
  const size_t length = path_.size();
  if (!path_.empty()) path_ += '.';
  path_ += name;
  const auto found = object.FindMember(name);
  if (found != object.MemberEnd() && !found->value.IsNull()) {
    any(found->value, out);
  } else if (must_be_there) {
    fail("is missing");
  }
  path_.resize(length);
}

template <typename T>
Result<T> JsonReader::parse(std::string_view text) {
  rapidjson::Document document;
  GANTRY_TRY(parse_text(document, text));
  JsonReader reader;
  T out{};
  reader.any(document, out);
  if (reader.error_) return std::move(*reader.error_);
  return out;
}

}  // namespace gantry::contract
