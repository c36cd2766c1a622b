// Lines in CRI's log format: "<RFC 3339 time, UTC, nanoseconds> <stream> <F|P> <line>\n". A line beyond 16 KiB is cut into
// pieces tagged P, the last one F; what has no newline at the end of the stream is P, as containerd writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stage1/contract/frames.h"

namespace gantry::keeper {

inline constexpr size_t max_log_line = 16 << 10;

// "2026-01-02T03:04:05.000000006Z stdout F ": prefixes made once for all lines of a batch.
class CriPrefix {
 public:
  CriPrefix(int64_t nanoseconds, contract::StreamKind stream);
  [[nodiscard]] std::string_view text(bool partial);
  [[nodiscard]] contract::StreamKind stream() const { return stream_; }
  // What text() may point to, whatever its length: a copy of a fixed size is a few instructions.
  static constexpr size_t room = 48;

 private:
  char text_[room] = {};
  size_t size_ = 0;
  size_t tag_ = 0;
  contract::StreamKind stream_;
};

// Where formatted lines gather until they are written out.
class LineBuffer {
 public:
  LineBuffer(char* data, size_t size) : data_(data), capacity_(size) {}
  // False when there is no room for it: write out, clear, and ask again.
  bool add(CriPrefix& prefix, bool partial, std::string_view first, std::string_view second);
  [[nodiscard]] std::string_view content() const { return {data_, used_}; }
  void clear() { used_ = 0; }

 private:
  char* data_;
  size_t capacity_;
  size_t used_ = 0;
};

}  // namespace gantry::keeper
