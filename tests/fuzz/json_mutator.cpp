#include "tests/fuzz/json_mutator.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/expect.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace serverless::fuzz {
namespace {

// A piece of the input.
struct Piece {
  std::size_t at = 0;
  std::size_t size = 0;
};

constexpr std::size_t kLongText = 300;  // Longer than any label.

constexpr auto kValues = std::to_array<std::string_view>({R"("a\nb\"c\\d<e>&")",
                                                          R"("\u0000\u001f\u007f\u2028")",
                                                          R"("\u00e9\ud83d\ude00")",
                                                          R"("")",
                                                          R"(" ")",
                                                          R"("..")",
                                                          R"("a")",
                                                          R"("1")",
                                                          R"("1e100")",
                                                          R"("true")",
                                                          "null",
                                                          "true",
                                                          "false",
                                                          "0",
                                                          "-0",
                                                          "-1",
                                                          "1",
                                                          "2",
                                                          "1.5",
                                                          "1e-300",
                                                          "1e100",
                                                          "1e308",
                                                          "9007199254740992",
                                                          "1790000000",
                                                          "253402300799",
                                                          "[]",
                                                          "{}",
                                                          R"("2026-11-22T04:00:00Z")",
                                                          R"("2026-11-22T04:29:00Z")",
                                                          R"("1970-01-01T00:00:01Z")",
                                                          R"("9999-12-31T23:59:59-23:59")",
                                                          R"("running")",
                                                          R"("idle")",
                                                          R"("healthy")",
                                                          R"("exited")",
                                                          R"("terminated")"});

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

bool is_key(std::string_view text, std::size_t end) {
  while (end < text.size() && is_blank(text[end])) ++end;
  return end < text.size() && text[end] == ':';
}

/// Where texts, numbers and words stand that are no keys; as far as it can be told from any bytes.
std::vector<Piece> values_of(std::string_view text) {
  std::vector<Piece> values;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at]) || std::string_view("{}[],:").find(text[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    const auto end = text[at] == '"'
                         ? end_of_string(text, at)
                         : std::min(text.find_first_of(" \n\t\r{}[],:\"", at + 1), text.size());
    if (!is_key(text, end)) values.push_back({at, end - at});
    at = end;
  }
  return values;
}

/// Where objects stand, with all that is in them.
std::vector<Piece> objects_of(std::string_view text) {
  std::vector<Piece> objects;
  std::vector<std::size_t> open;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = end_of_string(text, at);
      continue;
    }
    if (text[at] == '{') open.push_back(at);
    if (text[at] == '}' && !open.empty()) {
      objects.push_back({open.back(), at + 1 - open.back()});
      open.pop_back();
    }
    ++at;
  }
  return objects;
}

std::string new_value(std::string_view text, const std::vector<Piece>& values,
                      std::minstd_rand& random) {
  const auto choice = random() % (kValues.size() + 8);
  if (choice < kValues.size()) return std::string(kValues[choice]);
  if (choice == kValues.size()) {
    const char last = random() % 2 == 0 ? 'a' : 'b';
    return '"' + std::string(kLongText, 'a') + last + '"';
  }
  const auto& other = values[random() % values.size()];
  return std::string(text.substr(other.at, other.size));
}

}  // namespace

std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  std::minstd_rand random(seed);
  const auto text = text_of(data, size);
  Piece place;
  std::string put;
  if (random() % 2 == 0) {
    const auto values = values_of(text);
    if (!values.empty()) {
      place = values[random() % values.size()];
      put = new_value(text, values, random);
    }
  } else if (random() % 4 == 0) {
    const auto objects = objects_of(text);
    if (!objects.empty()) {
      const auto& object = objects[random() % objects.size()];
      put = ',' + std::string(text.substr(object.at, object.size));
      place.at = object.at + object.size;
    }
  }
  if (put.empty() || size - place.size + put.size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::memmove(data + place.at + put.size(), data + place.at + place.size,
               size - place.at - place.size);
  std::memcpy(data + place.at, put.data(), put.size());
  return size - place.size + put.size();
}

}  // namespace serverless::fuzz
