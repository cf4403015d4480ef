#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace serverless::daemon {

/// Reads a whole file.
/// @return its bytes, or why it cannot be read, without its name: "Permission denied".
tl::expected<std::string, std::string> read_file(const std::string& path);

/// What tells one version of a file from another.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileStamp&) const = default;
};

/// @return nothing where there is no such file.
std::optional<FileStamp> stamp_of(const std::string& path);

}  // namespace serverless::daemon
