#pragma once

// The low-level functions: no provider is loaded, no configuration file read, and they use SHA-NI all the same.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <string>

#include "layer/bytes.h"

namespace gantry::layer {

// A running SHA-256.
class Sha256 {
 public:
  Sha256() { SHA256_Init(&state_); }
  void update(Bytes bytes) { SHA256_Update(&state_, bytes.data(), bytes.size()); }

  // "sha256:" and 64 hex digits, as OCI writes digests. The object is spent.
  [[nodiscard]] std::string digest() {
    std::uint8_t raw[SHA256_DIGEST_LENGTH];
    SHA256_Final(raw, &state_);
    std::string text = "sha256:";
    for (const std::uint8_t byte : raw) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  SHA256_CTX state_;
};

}  // namespace gantry::layer
