#pragma once

#include <cstddef>

#include "linux/result.h"

namespace gantry {

// Memory that a child which is cloned after this shares with its parent. Pages appear when touched.
class SharedBuffer {
 public:
  static Result<SharedBuffer> map(size_t size);
  SharedBuffer() = default;
  SharedBuffer(SharedBuffer&& other) noexcept { *this = static_cast<SharedBuffer&&>(other); }
  SharedBuffer& operator=(SharedBuffer&& other) noexcept;
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;
  ~SharedBuffer();

  [[nodiscard]] char* data() const { return data_; }
  // Whether children that are cloned from now on have it; at first they do.
  void share_with_children(bool share);
  // Its pages go back to the kernel, for all who share it.
  void release();

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gantry
