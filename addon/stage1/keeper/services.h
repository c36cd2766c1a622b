// What the pod gives to its apps and execs.
#pragma once

#include <optional>
#include <string>

#include "stage1/contract/frames.h"
#include "stage1/contract/manifest.h"
#include "stage1/executor/executor.h"
#include "stage1/keeper/environment.h"
#include "stage1/keeper/host_cgroups.h"

namespace gantry::keeper {

// Whom to answer. A connection that is gone by then is not answered.
struct ReplyTo {
  uint64_t connection = 0;  // 0: nobody
  uint64_t request = 0;
};

class App;

struct Services : Environment {
  explicit Services(Loop& the_loop) : Environment(the_loop) {}
  virtual ~Services() = default;

  contract::PodManifest pod;
  executor::PodSandbox sandbox;
  HostCgroups cgroups;
  // What stage1 was started with; apps that say nothing get it back.
  int initial_oom_score_adj = 0;

  virtual void reply(ReplyTo to, std::string frame) = 0;
  virtual void broadcast(std::string frame) = 0;
  virtual App* find_app(const std::string& id) = 0;
  // Its process runs; is gone, and what it left will be killed; all has ended (the state stays); it is to be forgotten
  // altogether. May free it, once the loop is back. `untold`: why it ended, where Create had been answered and Continue not come yet.
  virtual void app_started(App& app) = 0;
  virtual void app_ending(App& app) = 0;
  virtual void app_exited(App& app) = 0;
  virtual void forget_app(App& app, std::optional<Error> untold = {}) = 0;
  virtual void exec_finished(const std::string& exec_id) = 0;
};

}  // namespace gantry::keeper
