#include "linux/shared_buffer.h"

#include <sys/mman.h>

#include <utility>

namespace gantry {

Result<SharedBuffer> SharedBuffer::map(size_t size) {
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return errno_error("mmap", std::to_string(size));
  SharedBuffer buffer;
  buffer.data_ = static_cast<char*>(mapped);
  buffer.size_ = size;
  return buffer;
}

SharedBuffer& SharedBuffer::operator=(SharedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedBuffer::~SharedBuffer() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void SharedBuffer::share_with_children(bool share) {
  if (data_ != nullptr) (void)::madvise(data_, size_, share ? MADV_DOFORK : MADV_DONTFORK);
}

void SharedBuffer::release() {
  if (data_ != nullptr) (void)::madvise(data_, size_, MADV_REMOVE);
}

}  // namespace gantry
