#include "linux/result.h"

#include <cstring>

namespace gantry {

std::string Error::describe() const {
  std::string text = operation;
  if (!subject.empty()) text += " " + subject;
  if (code != 0) text += std::string(": ") + std::strerror(code);
  if (!message.empty()) text += " (" + message + ")";
  return text;
}

Error errno_error(std::string operation, std::string subject, std::string message) {
  const int code = errno;
  return Error{code, std::move(operation), std::move(subject), std::move(message)};
}

}  // namespace gantry
