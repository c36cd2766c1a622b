// Whole-buffer reads and writes on descriptors: interrupted calls are repeated, short ones continued.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "linux/result.h"

namespace gantry {

// One read(2): the number of bytes, 0 at the end of the file or when the writer closed its end.
[[nodiscard]] Result<std::size_t> read_some(int fd, std::span<std::uint8_t> buffer);

// Fills the buffer from `offset` on; fewer bytes only at the end of the file.
[[nodiscard]] Result<std::size_t> pread_full(int fd, std::span<std::uint8_t> buffer, std::uint64_t offset);

// Everything or an error; the file's position is not moved.
[[nodiscard]] Result<void> pwrite_all(int fd, std::span<const std::uint8_t> data, std::uint64_t offset);

// Everything or an error, at the current position (a pipe, a socket, a regular file).
[[nodiscard]] Result<void> write_all(int fd, std::span<const std::uint8_t> data);

[[nodiscard]] Result<void> truncate_file(int fd, std::uint64_t size);

// The descriptor waits for data instead of failing with EAGAIN; a pipe gets a larger buffer where the system lets it.
[[nodiscard]] Result<void> prepare_for_streaming(int fd);

// Bytes. EBADF, or EINVAL for anything but a regular file.
[[nodiscard]] Result<std::uint64_t> file_size(int fd);

// EBADF, or EINVAL for anything but a regular file without content.
[[nodiscard]] Result<void> expect_empty_file(int fd);

// EBADF where nothing is open.
[[nodiscard]] Result<void> expect_open(int fd);

}  // namespace gantry
