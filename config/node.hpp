#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace serverless::config {

/// Where something stands in the text. Both start at 1; 0: nowhere.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Node;
struct Entry;
using List = std::vector<Node>;
using Entries = std::vector<Entry>;  ///< A table.
struct DateOrTime {};                ///< No key of ours is one.

/// A value of the text with its place, so that whoever reads it needs no TOML library.
struct Node {
  // Without an initialiser: it would need Entry, which needs this.
  std::variant<DateOrTime, bool, std::int64_t, double, std::string, List, Entries> value;
  Place place{};
};

/// A key of a table with its value.
struct Entry {
  std::string key{};
  Place place{};
  Node node{};
};

}  // namespace serverless::config
