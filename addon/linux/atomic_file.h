// Whole files: read with a bound, replaced so that a reader sees the old one or the new one.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// EFBIG when there are more than `limit` bytes.
Result<std::string> read_file(const std::string& path, size_t limit);
// The same below an open directory.
Result<std::string> read_file_at(int directory, const char* name, size_t limit);
Result<void> write_file_atomic(const std::string& path, std::string_view content, mode_t mode);

// open(2) with O_CLOEXEC; flags and mode as there.
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);
// Makes the directories that `path` lies in, as far as they are missing (0755).
Result<void> make_parents(const std::string& path);
// All of `bytes` at `offset`, or an error.
Result<void> write_at(int fd, std::string_view bytes, off_t offset, const std::string& subject);

}  // namespace gantry
