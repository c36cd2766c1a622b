// An app's exit record: two checksummed slots, preallocated, rewritten in place, so that recording needs no free space.
// docs/stage1-contract.md gives the bytes.
#pragma once

#include <cstdint>
#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/frames.h"

namespace gantry::keeper {

class ExitRecord {
 public:
  // Makes (or replaces) the file and fills it; ENOSPC here, never later.
  static Result<ExitRecord> create(const std::string& path);

  // `final`: everything of the app is gone and oom_killed is settled. After that no descriptor stays open.
  Result<void> write(const contract::AppState& state, bool final);

 private:
  ExitRecord(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
  uint64_t sequence_ = 0;
  uint64_t pid_start_ = 0;
  int known_pid_ = 0;
};

// CRC-32 as zlib and IEEE 802.3 have it.
uint32_t crc32(const unsigned char* bytes, size_t size);

}  // namespace gantry::keeper
