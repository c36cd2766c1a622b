#include "linux/own_thread.h"

#include <pthread.h>

#include <utility>

namespace gantry {

namespace {

struct ThreadCall {
  const std::function<Result<void>()>& body;
  Result<void> result;
};

void* run_thread_call(void* argument) {
  auto& call = *static_cast<ThreadCall*>(argument);
  call.result = call.body();
  return nullptr;
}

}  // namespace

Result<void> run_in_own_thread(const std::function<Result<void>()>& body) {
  ThreadCall call{body, {}};
  pthread_t thread{};
  const int code = ::pthread_create(&thread, nullptr, run_thread_call, &call);
  if (code != 0) return Error{code, "pthread_create", {}, "no thread can be made: a limit of processes or of memory is reached"};
  ::pthread_join(thread, nullptr);
  return std::move(call.result);
}

}  // namespace gantry
