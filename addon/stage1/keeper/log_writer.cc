#include "stage1/keeper/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "linux/atomic_file.h"
#include "linux/clock.h"
#include "linux/socket.h"

namespace gantry::keeper {

namespace {

size_t index_of(contract::StreamKind stream) { return stream == contract::StreamKind::error ? 1 : 0; }

// O_NONBLOCK: a fifo in the log's place must not hang the pod.
Result<UniqueFd> open_log(const std::string& path) {
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY;
  auto fd = open_file(path, flags, 0640);
  if (fd || fd.error().code != ENOENT) return fd;
  // Somebody has removed the pod's log directory.
  GANTRY_TRY(make_parents(path));
  return open_file(path, flags, 0640);
}

}  // namespace

Result<std::unique_ptr<LogWriter>> LogWriter::open(Environment& environment, const std::string& app_id,
                                                   const contract::LogSink& sink) {
  std::unique_ptr<LogWriter> writer;
  if (sink.kind == contract::LogKind::none || sink.kind == contract::LogKind::inherit) return writer;
  writer.reset(new LogWriter(environment, app_id, sink));
  if (sink.kind == contract::LogKind::journald) {
    auto journal = Journal::open(environment, app_id, sink.identifier);
    if (!journal) return journal.error();
    writer->journal_ = std::move(*journal);
    return writer;
  }
  auto fd = open_log(sink.path);
  if (!fd) return fd.error();
  writer->fd_ = std::move(*fd);
  return writer;
}

Result<void> LogWriter::reopen() {
  if (sink_.kind != contract::LogKind::cri) return {};
  auto fd = open_log(sink_.path);
  if (!fd) return fd.error();
  fd_ = std::move(*fd);
  return {};
}

void LogWriter::write(contract::StreamKind stream, std::string_view bytes) {
  if (environment_.output.data() == nullptr) return;
  buffer_ = LineBuffer(environment_.output.data(), environment_.output.size());
  CriPrefix prefix(realtime_now(), stream);
  std::string& unfinished = unfinished_[index_of(stream)];
  while (!bytes.empty()) {
    const void* newline = std::memchr(bytes.data(), '\n', bytes.size());
    const size_t length =
        newline == nullptr ? bytes.size() : static_cast<size_t>(static_cast<const char*>(newline) - bytes.data());
    std::string_view rest = bytes.substr(0, length);
    bytes.remove_prefix(newline == nullptr ? length : length + 1);
    while (unfinished.size() + rest.size() > max_log_line) {
      const size_t take = max_log_line - unfinished.size();
      line(prefix, true, unfinished, rest.substr(0, take));
      rest.remove_prefix(take);
      unfinished.clear();
    }
    if (newline == nullptr) {
      unfinished.append(rest);
    } else {
      line(prefix, false, unfinished, rest);
      unfinished.clear();
    }
  }
  flush();
  if (unfinished.empty() && unfinished.capacity() > 64) unfinished = std::string();
}

void LogWriter::finish(contract::StreamKind stream) {
  std::string& unfinished = unfinished_[index_of(stream)];
  if (unfinished.empty() || environment_.output.data() == nullptr) return;
  buffer_ = LineBuffer(environment_.output.data(), environment_.output.size());
  CriPrefix prefix(realtime_now(), stream);
  // To CRI's readers it is a line that goes on; in the journal there is no such thing after the end.
  line(prefix, journal_ == nullptr, unfinished, {});
  unfinished = std::string();
  flush();
}

void LogWriter::line(CriPrefix& prefix, bool partial, std::string_view first, std::string_view second) {
  if (journal_ != nullptr) return journal_->send(prefix.stream(), partial, std::string(first).append(second));
  if (buffer_.add(prefix, partial, first, second)) return;
  flush();
  (void)buffer_.add(prefix, partial, first, second);  // a line is far smaller than the buffer
}

void LogWriter::flush() {
  if (buffer_.content().empty()) return;
  flush_file(buffer_.content());
  buffer_.clear();
}

void LogWriter::flush_file(std::string_view lines) {
  size_t written = 0;
  while (written < lines.size()) {
    const Transfer put = write_some(fd_.get(), lines.substr(written));
    if (put.kind != Transfer::Kind::bytes) {
      written = cut_torn_line(lines, written);
      lost(lines.substr(written), put.code == 0 ? EAGAIN : put.code);
      return;
    }
    written += put.count;
  }
  if (lost_lines_ > 0) recovered();
}

size_t LogWriter::cut_torn_line(std::string_view lines, size_t written) {
  const size_t newline = lines.substr(0, written).rfind('\n');
  const size_t whole = newline == std::string_view::npos ? 0 : newline + 1;
  if (whole == written) return whole;
  // The descriptor's position is the end of our own last append, and nobody else appends.
  const off_t end = ::lseek(fd_.get(), 0, SEEK_CUR);
  const auto torn = static_cast<off_t>(written - whole);
  if (end >= torn) (void)!::ftruncate(fd_.get(), end - torn);
  return whole;
}

void LogWriter::lost(std::string_view lines, int code) {
  const bool first = lost_lines_ == 0;
  lost_lines_ += static_cast<uint64_t>(std::ranges::count(lines, '\n'));
  lost_bytes_ += lines.size();
  if (!first) return;
  environment_.warn(app_id_, Error{code, "write", sink_.path, "lines of output are lost until it works again"}.describe());
}

void LogWriter::recovered() {
  environment_.warn(app_id_, sink_.path + " can be written again; lost " + std::to_string(lost_lines_) + " lines of output, " +
                                 std::to_string(lost_bytes_) + " bytes");
  lost_lines_ = 0;
  lost_bytes_ = 0;
}

}  // namespace gantry::keeper
