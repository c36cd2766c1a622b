#include "stage1/contract/frames.h"

#include <protozero/exception.hpp>

// A member of another wire type than ours is malformed input, not a mistake of ours to abort on.
#define protozero_assert(condition) ((condition) ? void() : throw protozero::unknown_pbf_wire_type_exception())

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "stage1/contract/version.h"

// protozero throws on malformed bytes; the exceptions end in decode_frame. Field numbers are proto/stage1/stage1.proto's.
namespace gantry::contract {

namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;

StreamKind stream_kind(int32_t number) {
  return number >= 1 && number <= 3 ? static_cast<StreamKind>(number) : StreamKind::unspecified;
}

void read_streams(pbf_reader& reader, std::vector<StreamKind>& streams) {
  // A repeated enumeration comes packed, or from an old encoder one by one.
  if (reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
    for (const int32_t number : reader.get_packed_enum()) streams.push_back(stream_kind(number));
  } else {
    streams.push_back(stream_kind(reader.get_enum()));
  }
}

void read_second(pbf_reader& reader, Request& request) {
  switch (request.operation) {
    case Operation::kill: request.signal = reader.get_int32(); break;
    case Operation::stop: request.grace = reader.get_int64(); break;
    case Operation::update: request.json = reader.get_string(); break;
    case Operation::resize:
    case Operation::exec: request.exec_id = reader.get_string(); break;
    default: reader.skip();
  }
}

void read_third(pbf_reader& reader, Request& request) {
  switch (request.operation) {
    case Operation::kill: request.all = reader.get_bool(); break;
    case Operation::stop: request.signal = reader.get_int32(); break;
    case Operation::resize: request.rows = reader.get_uint32(); break;
    case Operation::exec: request.json = reader.get_string(); break;
    default: reader.skip();
  }
}

void read_fourth(pbf_reader& reader, Request& request) {
  switch (request.operation) {
    case Operation::kill: request.exec_id = reader.get_string(); break;
    case Operation::resize: request.columns = reader.get_uint32(); break;
    case Operation::exec: request.timeout = reader.get_int64(); break;
    default: reader.skip();
  }
}

// All operations name the app in their first member; the others' meaning is the operation's.
void read_operation(pbf_reader reader, Request& request) {
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        if (request.operation == Operation::stop_pod) {
          request.grace = reader.get_int64();
        } else {
          request.app_id = reader.get_string();
        }
        break;
      case 2: read_second(reader, request); break;
      case 3: read_third(reader, request); break;
      case 4: read_fourth(reader, request); break;
      case 5:
        if (request.operation == Operation::exec) {
          read_streams(reader, request.streams);
        } else {
          reader.skip();
        }
        break;
      case 6:
        if (request.operation == Operation::exec) {
          request.not_after = reader.get_int64();
        } else {
          reader.skip();
        }
        break;
      default: reader.skip();
    }
  }
}

Request read_request(pbf_reader reader) {
  Request request;
  while (reader.next()) {
    const uint32_t tag = reader.tag();
    if (tag == 1) {
      request.id = reader.get_uint64();
    } else if ((tag >= 2 && tag <= 5) || (tag >= 10 && tag <= last_request())) {
      request.operation = static_cast<Operation>(tag);
      read_operation(reader.get_message(), request);
    } else {
      reader.skip();
    }
  }
  return request;
}

OpenStream read_open_stream(pbf_reader reader) {
  OpenStream open;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1: open.app_id = reader.get_string(); break;
      case 2: open.exec_id = reader.get_string(); break;
      case 3: open.stream = stream_kind(reader.get_enum()); break;
      default: reader.skip();
    }
  }
  return open;
}

// Response = 2, Event = 3 of a Frame; the result's or event's own number within.
template <typename Fill>
std::string frame(uint32_t kind, Fill fill) {
  std::string out(4, '\0');
  pbf_writer writer(out);
  {
    pbf_writer inner(writer, kind);
    fill(inner);
  }
  const size_t size = out.size() - 4;
  for (int byte = 0; byte < 4; ++byte) out[static_cast<size_t>(byte)] = static_cast<char>(size >> (24 - 8 * byte) & 0xff);
  return out;
}

template <typename Fill>
std::string response(uint64_t id, Fill fill) {
  return frame(2, [&](pbf_writer& writer) {
    writer.add_uint64(1, id);
    fill(writer);
  });
}

template <typename Fill>
std::string event(uint32_t number, Fill fill) {
  return frame(3, [&](pbf_writer& writer) {
    pbf_writer inner(writer, number);
    fill(inner);
  });
}

void write_error(pbf_writer& parent, uint32_t number, const Error& error) {
  pbf_writer writer(parent, number);
  writer.add_int32(1, error.code);
  writer.add_string(2, error.operation);
  writer.add_string(3, error.subject);
  writer.add_string(4, error.message);
}

void write_app(pbf_writer& parent, uint32_t number, const AppState& app) {
  pbf_writer writer(parent, number);
  writer.add_string(1, app.app_id);
  writer.add_enum(2, static_cast<int32_t>(app.phase));
  writer.add_int32(3, app.pid);
  writer.add_int64(4, app.created_at);
  writer.add_int64(5, app.started_at);
  writer.add_int64(6, app.finished_at);
  writer.add_int32(7, app.exit_code);
  writer.add_int32(8, app.signal);
  writer.add_bool(9, app.oom_killed);
  writer.add_uint32(10, app.restarts);
}

void write_hello(pbf_writer& writer, const Hello& hello) {
  writer.add_uint32(1, contract_version());
  writer.add_string(2, GANTRY_VERSION);
  writer.add_int32(3, hello.pid);
  writer.add_string(4, hello.pod_id);
  writer.add_string(5, hello.flavor);
}

ClientFrame read_frame(std::string_view bytes) {
  ClientFrame out;
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    switch (reader.tag()) {
      case 1: out.request = read_request(reader.get_message()); break;
      case 4: out.open_stream = read_open_stream(reader.get_message()); break;
      default: reader.skip();
    }
  }
  return out;
}

}  // namespace

Result<ClientFrame> decode_frame(std::string_view bytes) {
  try {
    ClientFrame decoded = read_frame(bytes);
    if (!decoded.request.has_value() || !decoded.open_stream.has_value()) return decoded;
  } catch (const protozero::exception&) {
    // Falls through: both are a peer that speaks something else.
  }
  return Error{EPROTO, "decode", "frame", "not one message, or of both kinds"};
}

std::string encode_done(uint64_t id) {
  return response(id, [](pbf_writer&) {});
}

std::string encode_error(uint64_t id, const Error& error) {
  return response(id, [&](pbf_writer& writer) { write_error(writer, 2, error); });
}

std::string encode_state(uint64_t id, const PodState& state) {
  return response(id, [&](pbf_writer& writer) {
    pbf_writer inner(writer, 3);
    {
      pbf_writer hello(inner, 1);
      write_hello(hello, state.hello);
    }
    inner.add_bool(2, state.ready);
    inner.add_int32(3, state.sandbox_pid);
    for (const AppState& app : state.apps) write_app(inner, 4, app);
  });
}

std::string encode_created(uint64_t id, int pid) {
  return response(id, [&](pbf_writer& writer) { pbf_writer(writer, 4).add_int32(1, pid); });
}

std::string encode_exec_started(uint64_t id, int pid) {
  return response(id, [&](pbf_writer& writer) { pbf_writer(writer, 5).add_int32(1, pid); });
}

std::string encode_stopped(uint64_t id, const std::vector<AppState>& apps) {
  return response(id, [&](pbf_writer& writer) {
    pbf_writer inner(writer, 6);
    for (const AppState& app : apps) write_app(inner, 1, app);
  });
}

std::string encode_hello(const Hello& hello) {
  return event(1, [&](pbf_writer& writer) { write_hello(writer, hello); });
}

std::string encode_pod_ready(int sandbox_pid) {
  return event(2, [&](pbf_writer& writer) { writer.add_int32(1, sandbox_pid); });
}

std::string encode_pod_failed(const Error& error) {
  return event(3, [&](pbf_writer& writer) { write_error(writer, 1, error); });
}

std::string encode_app_started(const AppState& app) {
  return event(4, [&](pbf_writer& writer) {
    writer.add_string(1, app.app_id);
    writer.add_int32(2, app.pid);
    writer.add_int64(3, app.started_at);
  });
}

std::string encode_app_exited(const AppState& app) {
  return event(5, [&](pbf_writer& writer) { write_app(writer, 1, app); });
}

std::string encode_exec_exited(const ExecExited& exec) {
  return event(6, [&](pbf_writer& writer) {
    writer.add_string(1, exec.app_id);
    writer.add_string(2, exec.exec_id);
    writer.add_int32(3, exec.exit_code);
    writer.add_bool(4, exec.timed_out);
    writer.add_bool(5, exec.killed);
  });
}

std::string encode_warning(const std::string& app_id, const std::string& message) {
  return event(7, [&](pbf_writer& writer) {
    writer.add_string(1, app_id);
    writer.add_string(2, message);
  });
}

}  // namespace gantry::contract
