#include "linux/nft.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>

#include <memory>
#include <mutex>

namespace gantry {

namespace {

struct Library {
  decltype(&nft_ctx_new) create = nullptr;
  decltype(&nft_ctx_free) destroy = nullptr;
  decltype(&nft_ctx_buffer_output) buffer_output = nullptr;
  decltype(&nft_ctx_buffer_error) buffer_error = nullptr;
  decltype(&nft_ctx_get_output_buffer) output = nullptr;
  decltype(&nft_ctx_get_error_buffer) error = nullptr;
  decltype(&nft_ctx_output_set_flags) set_flags = nullptr;
  decltype(&nft_run_cmd_from_buffer) run = nullptr;
  std::string problem;
};

template <typename Function>
void resolve(void* handle, const char* name, Function& function, std::string& problem) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  if (function == nullptr) problem = std::string("libnftables.so.1 has no ") + name;
}

Library load() {
  Library library;
  void* handle = ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);  // stays loaded as long as the process
  if (handle == nullptr) {
    library.problem = std::string(::dlerror()) + "; install libnftables1";
    return library;
  }
  resolve(handle, "nft_ctx_new", library.create, library.problem);
  resolve(handle, "nft_ctx_free", library.destroy, library.problem);
  resolve(handle, "nft_ctx_buffer_output", library.buffer_output, library.problem);
  resolve(handle, "nft_ctx_buffer_error", library.buffer_error, library.problem);
  resolve(handle, "nft_ctx_get_output_buffer", library.output, library.problem);
  resolve(handle, "nft_ctx_get_error_buffer", library.error, library.problem);
  resolve(handle, "nft_ctx_output_set_flags", library.set_flags, library.problem);
  resolve(handle, "nft_run_cmd_from_buffer", library.run, library.problem);
  return library;
}

// The library says what failed in words only; errno is whatever its last system call left.
int code_of(const std::string& message) {
  static constexpr struct {
    const char* words;
    int code;
  } kKnown[] = {{": File exists", EEXIST},
                {"No such file or directory", ENOENT},
                {"Operation not permitted", EPERM},
                {"Operation not supported", EOPNOTSUPP},
                {"Device or resource busy", EBUSY}};
  for (const auto& known : kKnown) {
    if (message.find(known.words) != std::string::npos) return known.code;
  }
  return EINVAL;
}

std::string first_line(const char* text) {
  const std::string whole = text == nullptr ? "" : text;
  return whole.substr(0, whole.find('\n'));
}

}  // namespace

Result<std::string> run_nft(const std::string& commands, bool json) {
  static const Library library = load();
  if (!library.problem.empty()) return Error{EOPNOTSUPP, "load libnftables", "", library.problem};
  static std::mutex one_at_a_time;  // the library's parser has global state
  const std::lock_guard lock(one_at_a_time);
  const std::unique_ptr<nft_ctx, decltype(library.destroy)> context(library.create(NFT_CTX_DEFAULT), library.destroy);
  if (!context) return Error{ENOMEM, "start nftables", "", ""};
  library.buffer_output(context.get());
  library.buffer_error(context.get());
  if (json) library.set_flags(context.get(), NFT_CTX_OUTPUT_JSON);
  if (library.run(context.get(), commands.c_str()) != 0) {
    auto message = first_line(library.error(context.get()));
    return Error{code_of(message), "run nft", commands.substr(0, 200), std::move(message)};
  }
  return std::string(library.output(context.get()));
}

}  // namespace gantry
