#include "stage1/keeper/exit_record.h"

#include <fcntl.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "linux/atomic_file.h"
#include "linux/pidfd.h"

namespace gantry::keeper {

namespace {

constexpr size_t slot_size = 512, slot_distance = 4096, file_size = 8192;
constexpr uint32_t flag_oom_killed = 1, flag_final = 2;

using Slot = std::array<unsigned char, slot_size>;

template <typename Number>
void put(Slot& slot, size_t offset, Number value) {
  auto bits = static_cast<uint64_t>(value);
  for (size_t at = 0; at < sizeof value; ++at, bits >>= 8) slot[offset + at] = static_cast<unsigned char>(bits & 0xff);
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// It outlives no process; empty where it cannot be read.
const std::string& boot_id() {
  static const std::string id = [] {
    auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
    return text ? *text : std::string();
  }();
  return id;
}

void put_boot_id(Slot& slot, size_t offset) {
  size_t digits = 0;
  for (const char letter : boot_id()) {
    const int digit = hex_digit(letter);
    if (digit < 0 || digits >= 32) continue;
    unsigned char& byte = slot[offset + digits / 2];
    byte = static_cast<unsigned char>(byte << 4 | digit);
    ++digits;
  }
}

std::string_view view(const unsigned char* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

uint32_t crc32(const unsigned char* bytes, size_t size) {
  uint32_t sum = 0xffffffff;
  for (size_t at = 0; at < size; ++at) {
    sum ^= bytes[at];
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
  }
  return ~sum;
}

Result<ExitRecord> ExitRecord::create(const std::string& path) {
  auto fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!fd) return fd.error();
  // Reserve, then fill: what is reserved but unwritten may still need space (a copy-on-write or thin file system).
  if (const int code = ::posix_fallocate(fd->get(), 0, file_size); code != 0 && code != EOPNOTSUPP) {
    return Error{code, "posix_fallocate", path, "the exit record must be reserved before the app may start"};
  }
  GANTRY_TRY(write_at(fd->get(), std::string(file_size, '\0'), 0, path));
  return ExitRecord(std::move(*fd), path);
}

Result<void> ExitRecord::write(const contract::AppState& state, bool final) {
  if (state.pid != known_pid_ && state.phase != contract::AppPhase::exited) {
    pid_start_ = state.pid == 0 ? 0 : process_start_time(state.pid);
    known_pid_ = state.pid;
  }
  Slot slot{};
  std::memcpy(slot.data(), "GANTRYX1", 8);
  put(slot, 8, ++sequence_);
  put(slot, 16, static_cast<uint32_t>(state.phase));
  put(slot, 20, state.exit_code);
  put(slot, 24, state.signal);
  put(slot, 28, state.pid);
  put(slot, 32, state.created_at);
  put(slot, 40, state.started_at);
  put(slot, 48, state.finished_at);
  put(slot, 56, state.restarts);
  put(slot, 60, (state.oom_killed ? flag_oom_killed : 0) | (final ? flag_final : 0));
  put(slot, 64, pid_start_);
  put_boot_id(slot, 72);
  put(slot, slot_size - 4, crc32(slot.data(), slot_size - 4));
  const off_t offset = sequence_ % 2 == 1 ? 0 : static_cast<off_t>(slot_distance);
  if (!fd_.valid()) {
    auto again = open_file(path_, O_RDWR | O_NOFOLLOW);
    if (!again) return again.error();
    fd_ = std::move(*again);
  }
  auto written = write_at(fd_.get(), view(slot.data(), slot.size()), offset, path_);
  if (final) fd_.reset();
  return written;
}

}  // namespace gantry::keeper
