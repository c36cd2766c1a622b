#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// Runs nft(8) commands as one transaction, in process, and returns what they print (JSON where `json` is asked). The
// library is loaded when it is first needed: a host without it can still run pods by CNI plug-ins. EOPNOTSUPP: not there.
Result<std::string> run_nft(const std::string& commands, bool json);

}  // namespace gantry
