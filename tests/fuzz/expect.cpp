#include "tests/fuzz/expect.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace serverless::fuzz {

void expect(bool holds, std::string_view fact, std::string_view where) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s: %.*s\n", static_cast<int>(fact.size()), fact.data(),
               static_cast<int>(where.size()), where.data());
  std::abort();
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

bool is_one_line(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

std::string_view cut(std::string_view& rest, char separator) {
  const auto length = std::min(rest.find(separator), rest.size());
  const auto piece = rest.substr(0, length);
  rest.remove_prefix(std::min(length + 1, rest.size()));
  return piece;
}

}  // namespace serverless::fuzz
