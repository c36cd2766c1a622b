// The control protocol's messages (proto/stage1/stage1.proto) as plain structs, and their wire form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"

namespace gantry::contract {

inline constexpr size_t max_frame = 4 << 20;

enum class Operation : uint32_t {
  unknown = 0,
  get_state = 2,
  subscribe = 3,
  stop_pod = 4,
  continue_pod = 5,
  create = 10,
  proceed = 11,  // `continue`, a keyword
  start = 12,
  kill = 13,
  stop = 14,
  remove = 15,  // `delete`, likewise
  update = 16,
  reopen_log = 17,
  resize = 18,
  exec = 19,
};

enum class StreamKind : uint32_t { unspecified = 0, input = 1, output = 2, error = 3 };

// The members of every request; each operation uses its own.
struct Request {
  uint64_t id = 0;
  Operation operation = Operation::unknown;
  std::string app_id, exec_id;
  int64_t grace = 0;    // stop, stop_pod
  int64_t timeout = 0;  // exec
  int64_t not_after = 0;  // exec
  int signal = 0;       // kill, stop
  bool all = false;     // kill
  uint32_t rows = 0, columns = 0;
  std::string json;  // update: resources; exec: process
  std::vector<StreamKind> streams;
};

struct OpenStream {
  std::string app_id, exec_id;
  StreamKind stream = StreamKind::unspecified;
};

// What a client may send: one of the two, or neither when it is of a kind that only a later release knows.
struct ClientFrame {
  std::optional<Request> request;
  std::optional<OpenStream> open_stream;
};

enum class AppPhase : uint32_t { unspecified = 0, barrier = 1, created = 2, running = 3, exited = 4 };

struct AppState {
  std::string app_id;
  AppPhase phase = AppPhase::unspecified;
  int pid = 0;
  int64_t created_at = 0, started_at = 0, finished_at = 0;
  int exit_code = 0, signal = 0;
  bool oom_killed = false;
  uint32_t restarts = 0;
};

struct Hello {
  int pid = 0;
  std::string pod_id, flavor;
};

struct PodState {
  Hello hello;
  bool ready = false;
  int sandbox_pid = 0;
  std::vector<AppState> apps;
};

struct ExecExited {
  std::string app_id, exec_id;
  int exit_code = 0;
  bool timed_out = false, killed = false;
};

// EPROTO when the bytes are no frame. What a later release added to a known message is passed over.
Result<ClientFrame> decode_frame(std::string_view bytes);

// Each returns a whole frame, its length in front.
std::string encode_done(uint64_t id);
std::string encode_error(uint64_t id, const Error& error);
std::string encode_state(uint64_t id, const PodState& state);
std::string encode_created(uint64_t id, int pid);
std::string encode_exec_started(uint64_t id, int pid);
std::string encode_stopped(uint64_t id, const std::vector<AppState>& apps);

std::string encode_hello(const Hello& hello);
std::string encode_pod_ready(int sandbox_pid);
std::string encode_pod_failed(const Error& error);
std::string encode_app_started(const AppState& app);
std::string encode_app_exited(const AppState& app);
std::string encode_exec_exited(const ExecExited& exec);
std::string encode_warning(const std::string& app_id, const std::string& message);

}  // namespace gantry::contract
