#include "files/answer.h"

#include <fcntl.h>

#include <array>
#include <cstdint>
#include <span>

#include "layer/sha256.h"
#include "linux/atomic_file.h"
#include "linux/file_io.h"
#include "linux/file_label.h"
#include "linux/host_path.h"
#include "linux/text_file.h"
#include "linux/tree.h"

namespace gantry::files {

namespace {

constexpr mode_t directory_mode = 0755;

Fields done(std::initializer_list<std::string> fields = {}) {
  Fields answer{"+"};
  answer.insert(answer.end(), fields);
  return answer;
}

Fields failed(const Error& error) {
  return {"-", std::to_string(error.code), error.operation, error.subject, error.message};
}

Fields done_or_failed(const Result<void>& result) { return result.ok() ? done() : failed(result.error()); }

void add_special_file(Fields& answer, const SpecialFile& file) {
  answer.insert(answer.end(), {file.path, std::string(1, file.type), std::to_string(file.major), std::to_string(file.minor),
                               std::to_string(file.mode), std::to_string(file.user), std::to_string(file.group)});
}

// Nothing there: no field.
Fields resolve(const std::string& path) {
  auto found = real_path(path);
  if (!found) return failed(found.error());
  return found->has_value() ? done({**found}) : done();
}

Fields make_and_resolve(const std::string& path) {
  if (auto made = make_directories(path, directory_mode); !made) return failed(made.error());
  return resolve(path);
}

// Its real path, then each node below it. Nothing there: no field.
Fields devices(const std::string& path) {
  auto real = real_path(path);
  if (!real) return failed(real.error());
  if (!real->has_value()) return done();
  auto nodes = device_nodes(**real);
  if (!nodes) return failed(nodes.error());
  if (!nodes->has_value()) return done();
  Fields answer = done({**real});
  for (const SpecialFile& node : **nodes) add_special_file(answer, node);
  return answer;
}

Fields node(const std::string& path) {
  auto found = special_file(path);
  if (!found) return failed(found.error());
  Fields answer = done();
  if (found->has_value()) add_special_file(answer, **found);
  return answer;
}

Fields read(const std::string& path) {
  auto text = read_text_file(path);
  return text.ok() ? done({*text}) : failed(text.error());
}

Fields usage(const std::string& path) {
  auto found = tree_usage(path);
  if (!found) return failed(found.error());
  return done({std::to_string(found->bytes), std::to_string(found->inodes)});
}

Fields hash(const std::string& path) {
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!file) return failed(file.error());
  layer::Sha256 sum;
  static std::array<std::uint8_t, 1 << 18> buffer;
  for (;;) {
    auto got = read_some(file->get(), std::span<std::uint8_t>(buffer));
    if (!got) return failed(got.error());
    if (*got == 0) return done({sum.digest()});
    sum.update({buffer.data(), *got});
  }
}

Fields processes(const std::string& directory) {
  auto found = open_files(directory);
  if (!found) return failed(found.error());
  return done({std::to_string(found->processes), std::to_string(found->descriptors), std::to_string(found->sockets),
               found->first_limits});
}

Fields relabel(const std::string& path, const std::string& label) { return done_or_failed(label_tree(path, label)); }

struct Operation {
  const char* name;
  Fields (*run)(const std::string& path);
};
constexpr std::array<Operation, 10> operations{{
    {"resolve", resolve},
    {"make", make_and_resolve},
    {"devices", devices},
    {"node", node},
    {"read", read},
    {"usage", usage},
    {"hash", hash},
    {"processes", processes},
    {"remove", [](const std::string& path) { return done_or_failed(remove_tree(path)); }},
    {"ping", [](const std::string&) { return done(); }},
}};

}  // namespace

Fields answer(const Fields& request) {
  const std::string name = request.empty() ? "" : request[0];
  if (name == "relabel" && request.size() == 3) return relabel(request[1], request[2]);
  for (const Operation& operation : operations) {
    if (name == operation.name && request.size() == 2) return operation.run(request[1]);
  }
  return failed({EINVAL, "request", name, "gantry-files does not know this request"});
}

}  // namespace gantry::files
