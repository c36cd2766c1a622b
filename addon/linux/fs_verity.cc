#include "linux/fs_verity.h"

#include <linux/fsverity.h>
#include <sys/ioctl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gantry {

namespace {

Error verity_error(const char* operation, int fd) {
  if (errno == ENOTTY || errno == ENOSYS) errno = EOPNOTSUPP;
  return errno_error(operation, "descriptor " + std::to_string(fd));
}

std::string hex(const uint8_t* bytes, size_t length) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace

Result<void> enable_verity(int fd) {
  struct fsverity_enable_arg argument {};
  argument.version = 1;
  argument.hash_algorithm = FS_VERITY_HASH_ALG_SHA256;
  argument.block_size = 4096;
  if (::ioctl(fd, FS_IOC_ENABLE_VERITY, &argument) != 0) return verity_error("enable fs-verity", fd);
  return {};
}

Result<std::string> measure_verity(int fd) {
  constexpr size_t kLargest = 64;
  alignas(struct fsverity_digest) std::array<uint8_t, sizeof(struct fsverity_digest) + kLargest> space{};
  const uint16_t room = kLargest;
  std::memcpy(space.data() + offsetof(struct fsverity_digest, digest_size), &room, sizeof room);
  if (::ioctl(fd, FS_IOC_MEASURE_VERITY, space.data()) != 0) return verity_error("measure fs-verity", fd);
  struct fsverity_digest header {};
  std::memcpy(&header, space.data(), sizeof header);
  const char* name = header.digest_algorithm == FS_VERITY_HASH_ALG_SHA512 ? "sha512:" : "sha256:";
  return name + hex(space.data() + sizeof header, header.digest_size);
}

}  // namespace gantry
