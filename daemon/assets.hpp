#pragma once

#include <span>
#include <string_view>

namespace serverless::daemon {

/// A file of daemon/web/, built in. Its path changes with its text, so that it may be kept for
/// ever.
struct Asset {
  std::string_view name{};  ///< "status.css".
  std::string_view path{};  ///< "/assets/status.1a2b3c4d5e6f.css".
  std::string_view content_type{};
  std::string_view text{};
};

std::span<const Asset> assets();

/// The path of that name, which exists.
std::string_view asset_path(std::string_view name);

}  // namespace serverless::daemon
