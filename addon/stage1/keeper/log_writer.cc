#include "stage1/keeper/log_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "linux/clock.h"
#include "linux/socket.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

constexpr int64_t catch_up_pause = 5 * nanoseconds_a_millisecond;
constexpr contract::StreamKind streams[] = {contract::StreamKind::output, contract::StreamKind::error};

size_t index_of(contract::StreamKind stream) { return stream == contract::StreamKind::error ? 1 : 0; }

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
  LogWriter* raw = writer.get();
  raw->log_ = environment.logs.new_log();
  raw->opening_ = true;
  environment.logs.open(raw->log_, sink.path, false, raw->when_done([raw](int code, std::string_view subject) { raw->opened(code, subject); }));
  environment.logs.wait(deadlines::open_log);
  raw->opening_ = false;
  if (raw->open_error_) return *std::move(raw->open_error_);
  return writer;
}

LogWriter::~LogWriter() {
  if (log_ != 0) environment_.logs.close(log_);
}

void LogWriter::opened(int code, std::string_view subject) {
  if (code == 0) return;
  open_error_ = Error{code, "open", std::string(subject.empty() ? sink_.path : subject), {}};
  // Later than the creation: every write tries again.
  if (!opening_) environment_.warn(app_id_, open_error_->describe());
}

LogDisk::Done LogWriter::when_done(std::function<void(int code, std::string_view rest)> then) {
  return [alive = std::weak_ptr(alive_), then = std::move(then)](int code, std::string_view rest) {
    if (!alive.expired()) then(code, rest);
  };
}

void LogWriter::reopen(std::function<void(Result<void>)> done) {
  if (sink_.kind != contract::LogKind::cri) return done({});
  environment_.logs.open(log_, sink_.path, true, [path = sink_.path, done = std::move(done)](int code, std::string_view) {
    done(code == 0 ? Result<void>() : Error{code, "open", path, {}});
  });
  // So that the answer is here when the caller's next request is.
  environment_.logs.wait(catch_up_pause);
}

void LogWriter::write(contract::StreamKind stream, std::string_view bytes) {
  std::string& held = held_[index_of(stream)];
  if (held.empty()) bytes.remove_prefix(format(stream, bytes));
  held.append(bytes);
  if (is_behind()) catch_up();
}

// How much of it became lines, or the beginning of one; the rest when there is room again.
size_t LogWriter::format(contract::StreamKind stream, std::string_view bytes) {
  CriPrefix prefix(realtime_now(), stream);
  std::string& unfinished = unfinished_[index_of(stream)];
  const size_t size = bytes.size();
  while (!bytes.empty()) {
    const void* newline = std::memchr(bytes.data(), '\n', bytes.size());
    const size_t length =
        newline == nullptr ? bytes.size() : static_cast<size_t>(static_cast<const char*>(newline) - bytes.data());
    if (unfinished.size() + length > max_log_line) {
      const size_t take = max_log_line - unfinished.size();
      if (!line(prefix, true, unfinished, bytes.substr(0, take))) break;
      bytes.remove_prefix(take);
      unfinished.clear();
    } else if (newline == nullptr) {
      unfinished.append(bytes);
      bytes = {};
    } else {
      if (!line(prefix, false, unfinished, bytes.substr(0, length))) break;
      bytes.remove_prefix(length + 1);
      unfinished.clear();
    }
  }
  flush();
  if (unfinished.empty() && unfinished.capacity() > 64) unfinished = std::string();
  return size - bytes.size();
}

void LogWriter::finish(contract::StreamKind stream) {
  ended_[index_of(stream)] = true;
  if (!format_rest(stream)) catch_up();
}

// False when there is no room for it.
bool LogWriter::format_rest(contract::StreamKind stream) {
  std::string& unfinished = unfinished_[index_of(stream)];
  if (!held_[index_of(stream)].empty()) return false;
  if (unfinished.empty()) return true;
  CriPrefix prefix(realtime_now(), stream);
  // To CRI's readers it is a line that goes on; in the journal there is no such thing after the end.
  if (!line(prefix, journal_ == nullptr, unfinished, {})) return false;
  unfinished = std::string();
  flush();
  return true;
}

bool LogWriter::line(CriPrefix& prefix, bool partial, std::string_view first, std::string_view second) {
  if (journal_ != nullptr) {
    journal_->send(prefix.stream(), partial, std::string(first).append(second));
    return true;
  }
  if (!make_room()) return false;
  if (buffer_.add(prefix, partial, first, second)) return true;
  flush();
  return make_room() && buffer_.add(prefix, partial, first, second);  // a line is far smaller than the buffer
}

bool LogWriter::make_room() {
  if (room_) return true;
  room_ = environment_.logs.room();
  if (room_) buffer_ = LineBuffer(room_->data, room_->size);
  return room_.has_value();
}

void LogWriter::flush() {
  if (!room_) return;
  const LogDisk::Room room = *std::exchange(room_, std::nullopt);
  ++on_their_way_;
  environment_.logs.write(log_, sink_.path, room, buffer_.content().size(),
                          when_done([this](int code, std::string_view rest) { written(code, rest); }));
}

void LogWriter::written(int code, std::string_view rest) {
  --on_their_way_;
  if (code != 0) {
    lost(rest, code);
  } else if (lost_lines_ > 0) {
    recovered();
  }
}

// What is held, again and again until there is room, or the disk counts as dead.
void LogWriter::catch_up() {
  if (environment_.logs.is_late()) discard_held();
  for (const contract::StreamKind stream : streams) {
    std::string& held = held_[index_of(stream)];
    if (!held.empty()) held.erase(0, format(stream, held));
    if (held.empty()) held = std::string();
    if (ended_[index_of(stream)]) (void)format_rest(stream);
  }
  const bool all_gone = !is_behind() && on_their_way_ == 0 &&
                        (!ended_[0] || unfinished_[0].empty()) && (!ended_[1] || unfinished_[1].empty());
  if (settled_ && (all_gone || environment_.logs.is_late())) return std::exchange(settled_, nullptr)();
  if (is_behind() || settled_ || !all_gone) {
    catch_up_.start(environment_.loop, catch_up_pause, [this] { catch_up(); });
  }
}

void LogWriter::settle(std::function<void()> then) {
  settled_ = std::move(then);
  environment_.logs.wait(catch_up_pause);
  catch_up();
}

void LogWriter::discard_held() {
  for (const contract::StreamKind stream : streams) {
    std::string& held = held_[index_of(stream)];
    std::string& unfinished = unfinished_[index_of(stream)];
    if (held.empty()) continue;
    lost(unfinished + held, ETIMEDOUT);
    held = std::string();
    unfinished = std::string();
  }
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
