// The input side: one thread reads, hashes and decompresses while the caller's thread works on what came before.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "layer/decoder.h"
#include "layer/sha256.h"

namespace gantry::layer {

class Input {
 public:
  // The thread exists from here on, but touches nothing before start().
  Input(int fd, Compression compression);
  // Ends the process's reading thread only if the stream has ended; a converter that fails leaves by _exit instead.
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Waits until the thread runs, so that whatever a thread does once in its life is behind it (seccomp comes next).
  void wait_for_thread();
  void start();

  // The next piece of the decompressed stream; empty at its end. Every piece but the last is kPieceSize long, so that
  // no 512-byte block is ever split. Valid until the next call.
  [[nodiscard]] Result<Bytes> next();

  // Valid once next() has returned the end.
  [[nodiscard]] const std::string& compressed_digest() const { return compressed_digest_; }
  [[nodiscard]] std::uint64_t compressed_size() const { return compressed_size_; }
  // True where the two digests are of the same bytes.
  [[nodiscard]] bool is_plain() const { return compression_ == Compression::none; }
  // Whether it was the input that failed, and where in the compressed stream it stood then.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::uint64_t offset() const { return compressed_size_; }

  static constexpr std::size_t kPieceSize = 512 * 1024;

 private:
  struct Piece {
    std::vector<std::uint8_t> data;
    std::size_t size = 0;
    bool last = false;
    Result<void> outcome;
  };

  void run();
  [[nodiscard]] Result<void> open_decoder();
  [[nodiscard]] Result<bool> fill(Piece& piece);
  [[nodiscard]] Result<bool> fill_plain(Piece& piece);
  [[nodiscard]] Result<bool> fill_decoded(Piece& piece);
  [[nodiscard]] Result<void> refill();

  int fd_;
  Compression compression_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<std::uint8_t> raw_;
  Bytes pending_;
  bool input_ended_ = false;
  Sha256 compressed_hash_;
  std::string compressed_digest_;
  std::uint64_t compressed_size_ = 0;

  static constexpr std::size_t kPieces = 4;
  std::array<Piece, kPieces> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t produced_ = 0;
  std::size_t consumed_ = 0;
  bool holding_ = false;
  bool failed_ = false;
  bool running_ = false;
  bool started_ = false;
  std::thread thread_;
};

}  // namespace gantry::layer
