#pragma once

#include <cstddef>
#include <string_view>

namespace serverless::fuzz {

/// Reads a page of the text format 0.0.4 strictly and ends the process where a Prometheus would not
/// take it, or where it says what cannot be: families in one piece under their TYPE, UTF-8, escaped
/// labels of bounded length, no series twice, finite values, counters that are not negative, times
/// up to the year 9999.
/// @return how many series there are.
std::size_t check_page(std::string_view text);

/// Ends the process where the status page has a tag that is not ours.
void check_html(std::string_view text);

}  // namespace serverless::fuzz
