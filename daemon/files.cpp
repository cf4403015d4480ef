#include "daemon/files.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace serverless::daemon {

tl::expected<std::string, std::string> read_file(const std::string& path) {
  // Streams throw on a directory; stdio says what is the matter.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (!file) return tl::make_unexpected(std::string(std::strerror(errno)));
  std::string text;
  char block[16 * 1024];
  while (const auto size = std::fread(block, 1, sizeof(block), file.get()))
    text.append(block, size);
  if (std::ferror(file.get()) != 0) return tl::make_unexpected(std::string(std::strerror(errno)));
  return text;
}

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileStamp{
      .device = status.st_dev,
      .inode = status.st_ino,
      .size = status.st_size,
      .modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace serverless::daemon
