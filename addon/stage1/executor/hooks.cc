#include "stage1/executor/hooks.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/wait.h>

#include "linux/clone_process.h"
#include "linux/run_program.h"
#include "stage1/executor/launch.h"

namespace gantry::executor {

namespace {

constexpr const char* oci_version = "1.2.0";
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_member(Writer& json, const char* name, const std::string& value) {
  json.Key(name);
  json.String(value.c_str(), static_cast<rapidjson::SizeType>(value.size()));
}

void write_state(Writer& json, const HookState& state) {
  json.StartObject();
  write_member(json, "ociVersion", oci_version);
  write_member(json, "id", state.id);
  write_member(json, "status", state.status);
  if (state.pid != 0) {
    json.Key("pid");
    json.Int(state.pid);
  }
  write_member(json, "bundle", state.bundle);
  json.Key("annotations");
  json.StartObject();
  for (const auto& [name, value] : state.annotations) write_member(json, name.c_str(), value);
  json.EndObject();
  json.EndObject();
}

Result<void> judge(const ProgramEnd& end, const std::string& kind, const contract::OciHook& hook) {
  const std::string said = end.output.empty() ? "" : ": " + end.output;
  if (end.timed_out) {
    return Error{ETIMEDOUT, kind + " hook", hook.path,
                 "did not end within " + std::to_string(hook.timeout.value_or(0)) + " s" + said};
  }
  if (WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0) return {};
  const std::string how = WIFSIGNALED(end.status) ? "was killed by signal " + std::to_string(WTERMSIG(end.status))
                                                  : "exited with code " + std::to_string(WEXITSTATUS(end.status));
  return Error{ECANCELED, kind + " hook", hook.path, how + said};
}

}  // namespace

std::string state_json(const HookState& state) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  write_state(json, state);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string process_state_json(const HookState& state, pid_t pid, const std::string& metadata) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  write_member(json, "ociVersion", oci_version);
  json.Key("fds");
  json.StartArray();
  json.String("seccompFd");
  json.EndArray();
  json.Key("pid");
  json.Int(pid);
  write_member(json, "metadata", metadata);
  json.Key("state");
  write_state(json, state);
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<void> run_hooks(const std::string& kind, const std::vector<contract::OciHook>& hooks, const HookState& state,
                       const std::vector<std::string>& default_env) {
  for (const contract::OciHook& hook : hooks) {
    auto end =
        run_program({hook.path, hook.args, hook.env.empty() ? default_env : hook.env, state_json(state), hook.timeout});
    if (!end) {
      end.error().operation = kind + " hook";
      return end.error();
    }
    GANTRY_TRY(judge(*end, kind, hook));
  }
  return {};
}

Result<ChildProcess> start_hooks(const std::string& kind, const std::vector<contract::OciHook>& hooks,
                                 const HookState& state) {
  return launch({}, [&](ChildSync& sync) {
    auto done = run_hooks(kind, hooks, state);
    if (!done) sync.fail(done.error());
    exit_now(0);
  });
}

}  // namespace gantry::executor
