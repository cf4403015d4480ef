#pragma once

#include <cstdint>
#include <string_view>

namespace serverless::fuzz {

/// Ends the process where a fact does not hold: libFuzzer then keeps the input.
/// @param where  what it was about, for whoever reads the report.
void expect(bool holds, std::string_view fact, std::string_view where = {});

/// Valid UTF-8 on one line: fit for a log and for a page.
bool is_one_line(std::string_view text);
bool is_utf8(std::string_view text);

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Cuts the first piece off, and the separator behind it.
std::string_view cut(std::string_view& rest, char separator);

}  // namespace serverless::fuzz
