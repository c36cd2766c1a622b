#pragma once

#include <sys/mman.h>

#include <cstddef>

namespace gantry {

// A large buffer for passing use: pages appear when touched and go back to the kernel by release(), so that it costs
// nothing at rest.
class PageBuffer {
 public:
  explicit PageBuffer(size_t size) : size_(size) {}
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;
  ~PageBuffer() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  // Null only when the address space is used up.
  [[nodiscard]] char* data() {
    if (data_ == nullptr) {
      void* mapped = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      data_ = mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
    }
    return data_;
  }
  [[nodiscard]] size_t size() const { return size_; }
  void release() {
    if (data_ != nullptr) ::madvise(data_, size_, MADV_DONTNEED);
  }

 private:
  char* data_ = nullptr;
  size_t size_;
};

}  // namespace gantry
