#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace serverless::daemon::base64 {

/// Any bytes as base64 (RFC 4648 section 4), padded. Pure.
std::string encode(std::string_view bytes);

/// The bytes; nothing for what encode() never writes: no other alphabet, no line end, no missing
/// padding, no bits that say nothing. Pure.
std::optional<std::string> decode(std::string_view text);

}  // namespace serverless::daemon::base64
