// The converter's errors are the project's (linux/result.h) with an errno that says which kind stage0 is told.
#pragma once

#include <string>
#include <string_view>

#include "linux/result.h"

namespace gantry::layer {

// The input breaks its format, or says something that no file system can hold.
[[nodiscard]] inline Error malformed(std::string message) { return {EILSEQ, "convert", {}, std::move(message)}; }
// The input ends before it says that it does.
[[nodiscard]] inline Error truncated(std::string message) { return {ENODATA, "convert", {}, std::move(message)}; }
// The input is larger than the converter was told, or is built, to take.
[[nodiscard]] inline Error over_limit(std::string message) { return {EFBIG, "convert", {}, std::move(message)}; }
// Well-formed, but nothing that this converter or EROFS can represent.
[[nodiscard]] inline Error unsupported(std::string message) { return {EOPNOTSUPP, "convert", {}, std::move(message)}; }

// The `kind` of the result's error object. Whatever is none of the above comes from a system call.
[[nodiscard]] constexpr std::string_view kind_of(const Error& error) {
  switch (error.code) {
    case EILSEQ: return "malformed";
    case ENODATA: return "truncated";
    case EFBIG: return "limit";
    case EOPNOTSUPP: return "unsupported";
    default: return "io";
  }
}

}  // namespace gantry::layer
