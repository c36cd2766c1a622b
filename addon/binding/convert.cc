#include "binding/convert.h"

#include <cstring>

namespace gantry::binding {

Napi::Error to_js_error(Napi::Env env, const Error& error) {
  const char* name = ::strerrorname_np(error.code);
  auto result = Napi::Error::New(env, error.describe());
  result.Set("code", Napi::String::New(env, name == nullptr ? "EUNKNOWN" : name));
  result.Set("errno", Napi::Number::New(env, error.code));
  result.Set("operation", Napi::String::New(env, error.operation));
  result.Set("subject", Napi::String::New(env, error.subject));
  return result;
}

void Arguments::reject(const std::string& label, const char* wanted) {
  if (!problem_) problem_ = label + " is not " + wanted;
}

Napi::Value Arguments::member(size_t index, const char* name) {
  const Napi::Value value = info_[index];
  return value.IsObject() ? value.As<Napi::Object>().Get(name) : info_.Env().Undefined();
}

std::string Arguments::as_text(const Napi::Value& value, const std::string& label) {
  if (!value.IsString()) {
    reject(label, "a string");
    return {};
  }
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) reject(label, "free of NUL characters");
  return text;
}

std::string Arguments::optional_text(size_t index) {
  const Napi::Value value = info_[index];
  return value.IsUndefined() || value.IsNull() ? std::string() : text(index);
}

int Arguments::as_number(const Napi::Value& value, const std::string& label) {
  if (value.IsNumber()) return value.As<Napi::Number>().Int32Value();
  reject(label, "a number");
  return -1;
}

std::vector<std::string> Arguments::as_texts(const Napi::Value& value, const std::string& label) {
  std::vector<std::string> result;
  if (!value.IsArray()) {
    reject(label, "an array of strings");
    return result;
  }
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) result.push_back(as_text(array[i], label));
  return result;
}

std::vector<int> Arguments::numbers(size_t index) {
  std::vector<int> result;
  const Napi::Value value = info_[index];
  if (!value.IsArray()) {
    reject(label(index), "an array of numbers");
    return result;
  }
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) result.push_back(as_number(array[i], label(index)));
  return result;
}

bool Arguments::ok() {
  if (!problem_) return true;
  to_js_error(info_.Env(), Error{EINVAL, "call the native binding", "", *problem_}).ThrowAsJavaScriptException();
  return false;
}

}  // namespace gantry::binding
