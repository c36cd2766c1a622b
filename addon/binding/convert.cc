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

void Arguments::reject(size_t index, const char* wanted) {
  if (!problem_) problem_ = "argument " + std::to_string(index + 1) + " is not " + wanted;
}

std::string Arguments::text(size_t index) {
  const Napi::Value value = info_[index];
  if (!value.IsString()) {
    reject(index, "a string");
    return {};
  }
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) reject(index, "free of NUL characters");
  return text;
}

std::string Arguments::optional_text(size_t index) {
  const Napi::Value value = info_[index];
  return value.IsUndefined() || value.IsNull() ? std::string() : text(index);
}

int Arguments::number(size_t index) {
  const Napi::Value value = info_[index];
  if (!value.IsNumber()) {
    reject(index, "a number");
    return -1;
  }
  return value.As<Napi::Number>().Int32Value();
}

std::vector<std::string> Arguments::texts(size_t index) {
  std::vector<std::string> result;
  const Napi::Value value = info_[index];
  if (!value.IsArray()) {
    reject(index, "an array of strings");
    return result;
  }
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value element = array[i];
    if (!element.IsString()) {
      reject(index, "an array of strings");
      return result;
    }
    result.push_back(element.As<Napi::String>().Utf8Value());
    if (result.back().find('\0') != std::string::npos) reject(index, "free of NUL characters");
  }
  return result;
}

std::vector<int> Arguments::numbers(size_t index) {
  std::vector<int> result;
  const Napi::Value value = info_[index];
  if (!value.IsArray()) {
    reject(index, "an array of numbers");
    return result;
  }
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value element = array[i];
    if (!element.IsNumber()) {
      reject(index, "an array of numbers");
      return result;
    }
    result.push_back(element.As<Napi::Number>().Int32Value());
  }
  return result;
}

bool Arguments::ok() {
  if (!problem_) return true;
  to_js_error(info_.Env(), Error{EINVAL, "call the native binding", "", *problem_}).ThrowAsJavaScriptException();
  return false;
}

}  // namespace gantry::binding
