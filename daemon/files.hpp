#pragma once

#include <string>
#include <tl/expected.hpp>

namespace serverless::daemon {

/// Reads a whole file.
/// @return its bytes, or why it cannot be read, without its name: "Permission denied".
tl::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace serverless::daemon
