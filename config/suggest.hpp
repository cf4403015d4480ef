#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace serverless::config {

/// The candidate that somebody who wrote `word` is likely to have meant, or nothing. The case of
/// letters does not matter, and '-' is as good as '_'.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace serverless::config
