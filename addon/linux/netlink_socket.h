#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// One netlink request: header, family header, attributes (which nest). `what` and `subject` are for its error.
class NetlinkMessage {
 public:
  NetlinkMessage(uint16_t type, uint16_t flags, std::string what, std::string subject);

  template <typename Header>
  NetlinkMessage& header(const Header& value) {
    return raw(&value, sizeof value);
  }
  NetlinkMessage& raw(const void* data, size_t length);
  NetlinkMessage& attribute(uint16_t type, const void* data, size_t length);
  NetlinkMessage& u8(uint16_t type, uint8_t value) { return attribute(type, &value, sizeof value); }
  NetlinkMessage& u16(uint16_t type, uint16_t value) { return attribute(type, &value, sizeof value); }
  NetlinkMessage& u32(uint16_t type, uint32_t value) { return attribute(type, &value, sizeof value); }
  NetlinkMessage& text(uint16_t type, const std::string& value) { return attribute(type, value.c_str(), value.size() + 1); }
  // Everything that `inside` adds becomes the content of one attribute.
  NetlinkMessage& nested(uint16_t type, const std::function<void(NetlinkMessage&)>& inside);

  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] const std::string& subject() const { return subject_; }
  // The bytes as they are sent, with the sequence number filled in.
  std::string_view finish(uint32_t sequence);

 private:
  void align();

  std::string bytes_;
  std::string what_;
  std::string subject_;
};

// A received attribute and what follows: for (AttributeRange …) over a message's payload.
struct Attribute {
  uint16_t type;
  std::string_view value;

  [[nodiscard]] uint32_t u32() const;
  [[nodiscard]] std::string text() const;
};
std::vector<Attribute> attributes_of(std::string_view bytes);

// A netlink socket of the network namespace that the calling thread was in when it was opened.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(int protocol);

  // Sends all at once, in order, and waits for every acknowledgement; the first failure is the result. The kernel goes on
  // after a failed message, so undo is the caller's.
  Result<void> execute(std::vector<NetlinkMessage> messages);
  Result<void> execute(NetlinkMessage message);

  // Sends a request whose answer is data; `each` sees every message's payload (after nlmsghdr) with its type.
  Result<void> query(NetlinkMessage message, const std::function<void(uint16_t, std::string_view)>& each);

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<void> send(const std::string& bytes);
  // Receives one datagram and hands each message to `each` until it returns false.
  Result<void> receive(const std::function<bool(const nlmsghdr&, std::string_view)>& each);

  UniqueFd fd_;
  uint32_t sequence_ = 1;
  std::vector<char> buffer_;
};

}  // namespace gantry
