// Between JavaScript's values and ours: arguments in, results and errors out.
#pragma once

#include <napi.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "linux/result.h"

namespace gantry::binding {

// A JavaScript Error with `code` (ENOENT), `errno`, `operation` and `subject`.
Napi::Error to_js_error(Napi::Env env, const Error& error);

// Arguments of one call. The first that is not of its type makes the call fail with EINVAL: ask ok() before using them.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  std::string text(size_t index) { return as_text(info_[index], label(index)); }
  std::string optional_text(size_t index);
  int number(size_t index) { return as_number(info_[index], label(index)); }
  std::vector<std::string> texts(size_t index) { return as_texts(info_[index], label(index)); }
  std::vector<int> numbers(size_t index);
  // Members of an argument that is an object.
  std::string member_text(size_t index, const char* name) { return as_text(member(index, name), name); }
  int member_number(size_t index, const char* name) { return as_number(member(index, name), name); }
  std::vector<std::string> member_texts(size_t index, const char* name) { return as_texts(member(index, name), name); }

  // False when an argument was wrong; the exception is then pending and the function must return.
  [[nodiscard]] bool ok();

 private:
  static std::string label(size_t index) { return "argument " + std::to_string(index + 1); }
  Napi::Value member(size_t index, const char* name);
  std::string as_text(const Napi::Value& value, const std::string& label);
  int as_number(const Napi::Value& value, const std::string& label);
  std::vector<std::string> as_texts(const Napi::Value& value, const std::string& label);
  void reject(const std::string& label, const char* wanted);

  const Napi::CallbackInfo& info_;
  std::optional<std::string> problem_;
};

inline Napi::Value to_js(Napi::Env env, int value) { return Napi::Number::New(env, value); }
inline Napi::Value to_js(Napi::Env env, bool value) { return Napi::Boolean::New(env, value); }
inline Napi::Value to_js(Napi::Env env, const std::string& value) { return Napi::String::New(env, value); }

// The value of a finished call, or its error thrown.
template <typename T>
Napi::Value settle(Napi::Env env, const Result<T>& result) {
  if (!result) {
    to_js_error(env, result.error()).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  if constexpr (std::is_void_v<T>) {
    return env.Undefined();
  } else {
    return to_js(env, result.value());
  }
}

// Runs `work` on libuv's thread pool; the promise is settled with its result.
template <typename T>
class PromiseWork : public Napi::AsyncWorker {
 public:
  static Napi::Value start(Napi::Env env, std::function<Result<T>()> work) {
    auto* self = new PromiseWork(env, std::move(work));  // deletes itself when it has settled
    Napi::Value promise = self->deferred_.Promise();
    self->Queue();
    return promise;
  }

 protected:
  void Execute() override { result_.emplace(work_()); }
  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (!*result_) {
      deferred_.Reject(to_js_error(Env(), result_->error()).Value());
    } else if constexpr (std::is_void_v<T>) {
      deferred_.Resolve(Env().Undefined());
    } else {
      deferred_.Resolve(to_js(Env(), result_->value()));
    }
  }

 private:
  PromiseWork(Napi::Env env, std::function<Result<T>()> work)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  Napi::Promise::Deferred deferred_;
  std::function<Result<T>()> work_;
  std::optional<Result<T>> result_;
};

}  // namespace gantry::binding
