#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/observation.hpp"

namespace serverless::fuzz {

/// Takes a report through reconcile() and render() and aborts if a line of the page is not what a
/// strict reader of the text format 0.0.4 takes: finite values, valid UTF-8, escaped labels of
/// bounded length, no series twice.
void check_published(std::string_view provider, Source source, Report report);

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace serverless::fuzz
