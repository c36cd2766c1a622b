// Where an exec's streams wait that were opened before the exec was asked for.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "stage1/contract/frames.h"
#include "stage1/keeper/exec.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class StreamDesk {
 public:
  // EEXIST when that stream waits already.
  Result<void> check(const contract::OpenStream& open) const;
  // It is closed after 10 s if nobody asks for it.
  void leave(Loop& loop, const contract::OpenStream& open, OpenedStream opened);
  std::optional<OpenedStream> collect(const std::string& app_id, const std::string& exec_id, contract::StreamKind stream);

 private:
  using Key = std::tuple<std::string, std::string, contract::StreamKind>;
  struct Waiting {
    OpenedStream opened;
    Timer limit;
  };
  std::map<Key, std::unique_ptr<Waiting>> waiting_;
};

}  // namespace gantry::keeper
