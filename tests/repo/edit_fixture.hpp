#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/json.hpp"

namespace serverless::repo {

/// A JSON value that can be edited.
struct Value {
  using Kind = json::Value::Kind;
  using Member = std::pair<std::string, Value>;  ///< Key and value.

  Kind kind = Kind::null;
  bool boolean = false;
  std::string text{};  ///< As in json::Value.
  std::vector<Value> items{};
  std::vector<Member> members{};
};

/// A JSON document as a value, and back. Throws on what is not JSON.
Value parse_json(std::string_view text);
std::string to_text(const Value& value);

/// The value at a path of keys and positions: "workers.0.machine.gpuTypeId"; null if there is none.
Value* at(Value& root, std::string_view path);

/// A document with another value there, given as JSON. Objects on the way are made; a position that
/// is the length of its array appends.
std::string with(std::string_view document, std::string_view path, std::string_view value);

/// A document without what is there.
std::string without(std::string_view document, std::string_view path);

}  // namespace serverless::repo
