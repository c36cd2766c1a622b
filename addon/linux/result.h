// The error contract of the native half: a failed call says errno, what was being done, and to what. Functions that can
// fail return Result<T>; nothing throws, nothing prints, nobody but the caller decides what a failure means.
#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

namespace gantry {

struct Error {
  int code = 0;           // an errno value
  std::string operation;  // "mount", "open", "setns"; a system call's name where there is one
  std::string subject;    // the path, name or value that it was done to
  std::string message;    // one sentence for a person, with the remedy; may be empty

  // "open /x/y: No such file or directory (message)"
  [[nodiscard]] std::string describe() const;
};

// An Error of the calling thread's errno, read before anything else can change it.
[[nodiscard]] Error errno_error(std::string operation, std::string subject = {}, std::string message = {});

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}   // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  Error& error() { return *std::get_if<1>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  Error& error() { return error_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace gantry

// Returns the error of a Result<…> expression from the enclosing function.
#define GANTRY_TRY(expression)                                        \
  do {                                                                \
    if (auto gantry_result = (expression); !gantry_result.ok()) {     \
      return std::move(gantry_result.error());                        \
    }                                                                 \
  } while (false)
