#include "stage1/contract/version.h"

namespace gantry::contract {

namespace {

// Found by its first member in the executable's file, where the tests of mixed releases write other numbers: so that there is a
// stage1 of a release that does not exist yet. Volatile, or the compiler would copy the numbers to where they are used.
struct Spoken {
  char mark[16];
  uint32_t version;
  uint32_t last_request;
};
const volatile Spoken spoken = {"GANTRY CONTRACT", 2, 19};

}  // namespace

uint32_t contract_version() { return spoken.version; }

uint32_t last_request() { return spoken.last_request; }

}  // namespace gantry::contract
