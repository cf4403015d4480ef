#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace bench {

struct Scrape {
  std::chrono::duration<double> wall{0};
  std::size_t bytes = 0;   ///< Of the body, as sent.
  std::size_t series = 0;  ///< Where it was asked for as plain text.
};

/// Asks for a page and throws it away, so that the client costs next to nothing.
/// @throw std::runtime_error unless it comes with 200.
Scrape scrape(const std::string& url, bool gzip);

}  // namespace bench
