#include "linux/netlink_socket.h"

#include <sys/socket.h>

#include <cstring>

namespace gantry {

namespace {

constexpr size_t kReceiveBuffer = 64 * 1024;

// The kernel's own words (NLMSGERR_ATTR_MSG), when the error carries them.
std::string extended_message(std::string_view payload, uint16_t flags) {
  if ((flags & NLM_F_ACK_TLVS) == 0) return {};
  size_t at = sizeof(nlmsgerr);
  if ((flags & NLM_F_CAPPED) == 0) {
    nlmsgerr error{};
    std::memcpy(&error, payload.data(), sizeof error);
    at += NLMSG_ALIGN(error.msg.nlmsg_len) - sizeof(nlmsghdr);
  }
  if (at >= payload.size()) return {};
  for (const auto& attribute : attributes_of(payload.substr(at))) {
    if (attribute.type == NLMSGERR_ATTR_MSG) return attribute.text();
  }
  return {};
}

// 0 for an acknowledgement, else the errno of an error message.
int error_code(std::string_view payload) {
  int code = 0;
  std::memcpy(&code, payload.data(), sizeof code);
  return -code;
}

}  // namespace

NetlinkMessage::NetlinkMessage(uint16_t type, uint16_t flags, std::string what, std::string subject)
    : bytes_(sizeof(nlmsghdr), '\0'), what_(std::move(what)), subject_(std::move(subject)) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkMessage::align() { bytes_.resize(NLMSG_ALIGN(bytes_.size()), '\0'); }

NetlinkMessage& NetlinkMessage::raw(const void* data, size_t length) {
  bytes_.append(static_cast<const char*>(data), length);
  align();
  return *this;
}

NetlinkMessage& NetlinkMessage::attribute(uint16_t type, const void* data, size_t length) {
  nlattr header{};
  header.nla_type = type;
  header.nla_len = static_cast<uint16_t>(NLA_HDRLEN + length);
  raw(&header, sizeof header);
  return raw(data, length);
}

NetlinkMessage& NetlinkMessage::nested(uint16_t type, const std::function<void(NetlinkMessage&)>& inside) {
  const size_t start = bytes_.size();
  attribute(type, nullptr, 0);
  inside(*this);
  const auto length = static_cast<uint16_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start, &length, sizeof length);
  return *this;
}

std::string_view NetlinkMessage::finish(uint32_t sequence) {
  nlmsghdr header{};
  std::memcpy(&header, bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

uint32_t Attribute::u32() const {
  uint32_t number = 0;
  if (value.size() >= sizeof number) std::memcpy(&number, value.data(), sizeof number);
  return number;
}

std::string Attribute::text() const { return std::string(value.substr(0, value.find('\0'))); }

std::vector<Attribute> attributes_of(std::string_view bytes) {
  std::vector<Attribute> found;
  while (bytes.size() >= NLA_HDRLEN) {
    nlattr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > bytes.size()) break;
    found.push_back({static_cast<uint16_t>(header.nla_type & NLA_TYPE_MASK),
                     bytes.substr(NLA_HDRLEN, static_cast<size_t>(header.nla_len) - NLA_HDRLEN)});
    const size_t step = NLA_ALIGN(header.nla_len);
    if (step >= bytes.size()) break;
    bytes.remove_prefix(step);
  }
  return found;
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) return errno_error("open netlink socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::send(const std::string& bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto* address = reinterpret_cast<const sockaddr*>(&kernel);
  while (::sendto(fd_.get(), bytes.data(), bytes.size(), 0, address, sizeof kernel) < 0) {
    if (errno != EINTR) return errno_error("send netlink request");
  }
  return {};
}

Result<void> NetlinkSocket::receive(const std::function<bool(const nlmsghdr&, std::string_view)>& each) {
  buffer_.resize(kReceiveBuffer);
  ssize_t length = 0;
  while ((length = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0)) < 0) {
    if (errno != EINTR) return errno_error("receive netlink answer");
  }
  std::string_view rest(buffer_.data(), static_cast<size_t>(length));
  while (rest.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
    if (!each(header, rest.substr(sizeof header, header.nlmsg_len - sizeof header))) break;
    rest.remove_prefix(std::min(rest.size(), static_cast<size_t>(NLMSG_ALIGN(header.nlmsg_len))));
  }
  return {};
}

Result<void> NetlinkSocket::execute(std::vector<NetlinkMessage> messages) {
  std::string bytes;
  const uint32_t first = sequence_;
  for (auto& message : messages) bytes += message.finish(sequence_++);
  GANTRY_TRY(send(bytes));
  Result<void> outcome;
  for (size_t waiting = messages.size(); waiting > 0;) {
    GANTRY_TRY(receive([&](const nlmsghdr& header, std::string_view payload) {
      const uint32_t index = header.nlmsg_seq - first;
      if (header.nlmsg_type != NLMSG_ERROR || index >= messages.size()) return true;
      --waiting;
      const int code = error_code(payload);
      if (code != 0 && outcome.ok()) {
        outcome = Error{code, messages[index].what(), messages[index].subject(),
                        extended_message(payload, header.nlmsg_flags)};
      }
      return true;
    }));
  }
  return outcome;
}

Result<void> NetlinkSocket::execute(NetlinkMessage message) {
  std::vector<NetlinkMessage> one;
  one.push_back(std::move(message));
  return execute(std::move(one));
}

Result<void> NetlinkSocket::query(NetlinkMessage message, const std::function<void(uint16_t, std::string_view)>& each) {
  const uint32_t sequence = sequence_++;
  GANTRY_TRY(send(std::string(message.finish(sequence))));
  Result<void> outcome;
  for (bool more = true; more;) {
    GANTRY_TRY(receive([&](const nlmsghdr& header, std::string_view payload) {
      if (header.nlmsg_seq != sequence) return true;
      if (header.nlmsg_type == NLMSG_ERROR) {
        const int code = error_code(payload);
        if (code != 0) outcome = Error{code, message.what(), message.subject(), extended_message(payload, header.nlmsg_flags)};
      } else if (header.nlmsg_type != NLMSG_DONE) {
        each(header.nlmsg_type, payload);
        if ((header.nlmsg_flags & NLM_F_MULTI) != 0) return true;
      }
      more = false;
      return false;
    }));
  }
  return outcome;
}

}  // namespace gantry
