// gantry-layer: a layer's compressed tar in, an EROFS image and digests out, in a process that can do nothing else.
// Wiring only; README.md is the contract.
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <random>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "layer/arguments.h"
#include "layer/converter.h"
#include "layer/correction.h"
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
  const JailOptions jail{.input_fd = arguments.input_fd,
                         .output_fd = arguments.output_fd,
                         .result_fd = arguments.result_fd,
                         .maximum_file_size = arguments.maximum_bytes};
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

Result<std::string> read_request(int fd) {
  std::string request;
  std::array<std::uint8_t, 64 << 10> buffer;
  for (;;) {
    auto got = read_some(fd, buffer);
    if (!got) return got.error();
    if (*got == 0) return request;
    request.append(as_text({buffer.data(), *got}));
  }
}

Result<Correction> correction_of(const CorrectArguments& arguments, std::span<const std::uint64_t> sizes) {
  auto request = read_request(arguments.input_fd);
  if (!request) return request.error();
  auto implied = parse_implied(*request, arguments.images.size());
  if (!implied) return implied.error();
  std::vector<StackedLayer> stack;
  for (std::size_t i = 0; i < arguments.images.size(); ++i) {
    auto image = ErofsReader::open(arguments.images[i], sizes[i]);
    if (!image) return image.error();
    std::unordered_set<std::string_view> is_implied((*implied)[i].begin(), (*implied)[i].end());
    stack.push_back({std::move(*image), std::move((*implied)[i]), std::move(is_implied)});
  }
  return correct_stack(stack, arguments.seen);
}

int correct(const CorrectArguments& arguments) {
  std::vector<std::uint64_t> sizes;
  for (const int image : arguments.images) {
    auto size = file_size(image);
    if (!size) return misuse(size.error().describe());
    sizes.push_back(*size);
  }
  if (auto waits = prepare_for_streaming(arguments.input_fd); !waits) return misuse(waits.error().describe());
  const JailOptions jail{.input_fd = arguments.input_fd, .result_fd = arguments.result_fd, .images = arguments.images};
  if (auto dropped = give_up_privileges(jail); !dropped) return fail(arguments.result_fd, dropped.error());
  if (auto locked = lock_down(jail); !locked) return fail(arguments.result_fd, locked.error());
  auto correction = correction_of(arguments, sizes);
  if (!correction) return fail(arguments.result_fd, correction.error());
  return write_all(arguments.result_fd, as_bytes(report_correction(*correction))) ? kDone : kFailed;
}

int run(std::span<char* const> arguments) {
  const std::string_view verb = arguments.size() > 1 ? arguments[1] : "";
  if (verb == "version" && arguments.size() == 2) {
    std::printf("%d %s\n", kConverterVersion, GANTRY_VERSION);
    return kDone;
  }
  if (verb == "correct") {
    std::signal(SIGPIPE, SIG_IGN);
    auto parsed = parse_correct(arguments.subspan(2));
    return parsed ? correct(*parsed) : misuse(parsed.error().message);
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
