#include "files/fields.h"

namespace gantry::files {

namespace {

void put_length(std::string& out, size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift & 0xff);
}

size_t take_length(std::string_view bytes) {
  size_t length = 0;
  for (size_t at = 0; at < 4; ++at) length = length << 8 | static_cast<unsigned char>(bytes[at]);
  return length;
}

}  // namespace

std::string encode_frame(const Fields& fields) {
  size_t size = 0;
  for (const std::string& field : fields) size += 4 + field.size();
  std::string out;
  out.reserve(4 + size);
  put_length(out, size);
  for (const std::string& field : fields) {
    put_length(out, field.size());
    out += field;
  }
  return out;
}

bool decode_fields(std::string_view body, Fields& fields) {
  while (!body.empty()) {
    if (body.size() < 4) return false;
    const size_t length = take_length(body);
    body.remove_prefix(4);
    if (length > body.size()) return false;
    fields.emplace_back(body.substr(0, length));
    body.remove_prefix(length);
  }
  return true;
}

}  // namespace gantry::files
