#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace serverless::config {

/// A duration as people write it: whole numbers with the units d, h, m, s and ms, each at most
/// once, the largest first ("1h30m").
/// @return nothing for any other text, and for more than milliseconds can count.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration() reads back as this value. Not for negative ones.
std::string duration_text(std::chrono::milliseconds value);

/// A number of bytes: "65536", "64KB" (1000s: KB, MB, GB) or "64KiB" (1024s: KiB, MiB, GiB).
/// @return nothing for any other text, and for more than std::size_t can count.
std::optional<std::size_t> parse_size(std::string_view text);

/// The shortest text that parse_size() reads back as this value, in the 1024s where they fit.
std::string size_text(std::size_t bytes);

}  // namespace serverless::config
