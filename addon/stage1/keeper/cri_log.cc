#include "stage1/keeper/cri_log.h"

#include <cstring>
#include <ctime>

#include "linux/clock.h"

namespace gantry::keeper {

namespace {

char* put_digits(char* at, int64_t value, int digits) {
  for (int digit = digits - 1; digit >= 0; --digit, value /= 10) at[digit] = static_cast<char>('0' + value % 10);
  return at + digits;
}

char* put_text(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

CriPrefix::CriPrefix(int64_t nanoseconds, contract::StreamKind stream) : stream_(stream) {
  const time_t seconds = nanoseconds / nanoseconds_a_second;
  tm when{};
  ::gmtime_r(&seconds, &when);
  char* at = text_;
  at = put_digits(at, when.tm_year + 1900, 4);
  *at++ = '-';
  at = put_digits(at, when.tm_mon + 1, 2);
  *at++ = '-';
  at = put_digits(at, when.tm_mday, 2);
  *at++ = 'T';
  at = put_digits(at, when.tm_hour, 2);
  *at++ = ':';
  at = put_digits(at, when.tm_min, 2);
  *at++ = ':';
  at = put_digits(at, when.tm_sec, 2);
  *at++ = '.';
  at = put_digits(at, nanoseconds % nanoseconds_a_second, 9);
  at = put_text(at, stream == contract::StreamKind::error ? "Z stderr " : "Z stdout ");
  tag_ = static_cast<size_t>(at - text_);
  at = put_text(at, "F ");
  size_ = static_cast<size_t>(at - text_);
}

std::string_view CriPrefix::text(bool partial) {
  text_[tag_] = partial ? 'P' : 'F';
  return {text_, size_};
}

bool LineBuffer::add(CriPrefix& prefix, bool partial, std::string_view first, std::string_view second) {
  const std::string_view head = prefix.text(partial);
  const size_t size = head.size() + first.size() + second.size() + 1;
  if (size + CriPrefix::room > capacity_ - used_) return false;
  char* at = data_ + used_;
  std::memcpy(at, head.data(), CriPrefix::room);
  at += head.size();
  if (!first.empty()) at = put_text(at, first);
  if (!second.empty()) at = put_text(at, second);
  *at = '\n';
  used_ += size;
  return true;
}

}  // namespace gantry::keeper
