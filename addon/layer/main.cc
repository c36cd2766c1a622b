// gantry-layer: a layer's compressed tar in, an EROFS image and digests out, in a process that can do nothing else.
// Wiring only; README.md is the contract.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <random>
#include <span>
#include <string_view>

#include "layer/arguments.h"
#include "layer/converter.h"
#include "layer/jail.h"
#include "layer/report.h"
#include "linux/file_io.h"

namespace gantry::layer {
namespace {

constexpr int kDone = 0;
constexpr int kUsage = 2;
constexpr int kRefused = 3;
constexpr int kFailed = 4;

int fail(int result_fd, const Error& error, const Whereabouts& whereabouts = {}) {
  // Without a reader there is nobody to tell; the exit code still says it.
  static_cast<void>(write_all(result_fd, as_bytes(report_failure(error, whereabouts))));
  return kind_of(error) == "io" ? kFailed : kRefused;
}

Result<void> check_descriptors(const ConvertArguments& arguments) {
  GANTRY_TRY(expect_open(arguments.result_fd));
  GANTRY_TRY(expect_open(arguments.input_fd));
  GANTRY_TRY(expect_empty_file(arguments.output_fd));
  return prepare_for_streaming(arguments.input_fd);
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

// Ends the process itself: a reading thread that still waits for input is left where it is.
[[noreturn]] void convert(const ConvertArguments& arguments) {
  const JailOptions jail{arguments.input_fd, arguments.output_fd, arguments.result_fd, arguments.maximum_bytes};
  const BuildOptions options{arguments.maximum_entries, random_seed(), arguments.expand_holes};
  if (auto dropped = give_up_privileges(jail); !dropped) ::_exit(fail(arguments.result_fd, dropped.error()));

  Input input(arguments.input_fd, arguments.compression);
  input.wait_for_thread();
  if (auto locked = lock_down(jail); !locked) ::_exit(fail(arguments.result_fd, locked.error()));
  input.start();

  Converter converter(input, arguments.output_fd, arguments.maximum_bytes, options);
  auto conversion = converter.run();
  if (!conversion) {
    ::_exit(fail(arguments.result_fd, conversion.error(), converter.whereabouts(conversion.error())));
  }
  auto written = write_all(arguments.result_fd, as_bytes(report_success(*conversion)));
  ::_exit(written ? kDone : kFailed);
}

int misuse(const std::string& message) {
  std::fprintf(stderr, "gantry-layer: %s\n%s", message.c_str(), usage().c_str());
  return kUsage;
}

int run(std::span<char* const> arguments) {
  const std::string_view verb = arguments.size() > 1 ? arguments[1] : "";
  if (verb == "version" && arguments.size() == 2) {
    std::printf("%d %s\n", kConverterVersion, GANTRY_VERSION);
    return kDone;
  }
  if (verb != "convert") return misuse("a verb is missing, or not known");
  // A reader that went away, and a file that grows too large, are errors to report rather than deaths.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  auto parsed = parse_convert(arguments.subspan(2));
  if (!parsed) return misuse(parsed.error().message);
  if (auto checked = check_descriptors(*parsed); !checked) return misuse(checked.error().describe());
  convert(*parsed);
}

}  // namespace
}  // namespace gantry::layer

int main(int argc, char** argv) { return gantry::layer::run({argv, static_cast<std::size_t>(argc)}); }
