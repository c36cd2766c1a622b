// The child's end of a ChildProcess's `sync`, and the encoding of what both ends send.
#pragma once

#include <string>
#include <string_view>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/executor/executor.h"

namespace gantry::executor {

// An Error as bytes: its number and its three texts, each with its length.
std::string encode_error(const Error& error);
Error decode_error(std::string_view bytes);

class ChildSync {
 public:
  explicit ChildSync(UniqueFd socket) : socket_(std::move(socket)) {}
  [[nodiscard]] int fd() const { return socket_.get(); }

  // Returns when the keeper says `expected`; ends the process when the keeper is gone or gives up.
  void wait_for(ChildCommand expected) const;
  void placed() const;
  void prepared() const;
  void console(int master) const;
  void warn(const std::string& text) const;
  void refused() const;
  // Reports and ends the process.
  [[noreturn]] void fail(const Error& error) const;

 private:
  UniqueFd socket_;
};

// The keeper's end, for what it may wait for: returns when the child is prepared, or its error.
Result<void> wait_until_prepared(const ChildProcess& child);

}  // namespace gantry::executor
