#include "linux/proc_dir.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>

namespace gantry {

namespace {

// The next space-separated word of `text`, with mountinfo's octal escapes resolved.
std::string next_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  std::string word;
  for (size_t i = 0; i < end; ++i) {
    if (text[i] == '\\' && i + 3 < end) {
      word += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      word += text[i];
    }
  }
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

MountInfo parse_line(std::string_view line) {
  MountInfo info;
  info.id = std::strtoull(next_word(line).c_str(), nullptr, 10);
  next_word(line);  // parent
  next_word(line);  // device
  info.root = next_word(line);
  info.mountpoint = next_word(line);
  next_word(line);  // attributes
  for (std::string tag = next_word(line); tag != "-" && !line.empty(); tag = next_word(line)) {
    if (tag.starts_with("shared:")) info.shared = true;
    if (tag.starts_with("master:")) info.slave = true;
  }
  info.type = next_word(line);
  next_word(line);  // source
  info.super_options = next_word(line);
  return info;
}

}  // namespace

Result<ProcDir> ProcDir::open() {
  UniqueFd fd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", "/proc");
  struct statfs status {};
  if (::fstatfs(fd.get(), &status) < 0) return errno_error("fstatfs", "/proc");
  if (status.f_type != PROC_SUPER_MAGIC) return Error{EINVAL, "open", "/proc", "is not the proc file system; mount it"};
  return ProcDir(std::move(fd));
}

Result<std::string> ProcDir::read(const std::string& path) const {
  const UniqueFd file(::openat(fd_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open", "/proc/" + path);
  std::string text;
  char buffer[8192];
  for (;;) {
    const ssize_t length = ::read(file.get(), buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno_error("read", "/proc/" + path);
    if (length == 0) return text;
    text.append(buffer, static_cast<size_t>(length));
  }
}

Result<void> ProcDir::write(const std::string& path, std::string_view text) const {
  const UniqueFd file(::openat(fd_.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open", "/proc/" + path);
  if (::write(file.get(), text.data(), text.size()) < 0) return errno_error("write", "/proc/" + path);
  return {};
}

Result<pid_t> ProcDir::own_pid() const {
  char text[32] = {};
  if (::readlinkat(fd_.get(), "self", text, sizeof text - 1) < 0) return errno_error("readlink", "/proc/self");
  return static_cast<pid_t>(std::atoi(text));
}

bool ProcDir::has(const std::string& path) const { return ::faccessat(fd_.get(), path.c_str(), F_OK, 0) == 0; }

std::vector<MountInfo> parse_mountinfo(std::string_view text) {
  std::vector<MountInfo> mounts;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) mounts.push_back(parse_line(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mounts;
}

}  // namespace gantry
