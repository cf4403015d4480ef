#include "tests/repo/edit_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace serverless::repo {
namespace {

using Kind = Value::Kind;

Value copy_of(const json::Value& value) {
  Value copy{.kind = value.kind, .boolean = value.boolean, .text = std::string{value.text}};
  for (const auto& inner : value.inside()) {
    if (value.kind == Kind::array) {
      copy.items.push_back(copy_of(inner));
    } else {
      copy.members.emplace_back(inner.key, copy_of(inner));
    }
  }
  return copy;
}

std::string json_string(std::string_view text) {
  std::string out{"\""};
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

bool is_position(std::string_view step) {
  return !step.empty() && step.find_first_not_of("0123456789") == std::string_view::npos;
}

std::vector<std::string> steps_of(std::string_view path) {
  std::vector<std::string> steps;
  while (!path.empty()) {
    const auto end = std::min(path.find('.'), path.size());
    steps.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return steps;
}

Value* step_into(Value& value, const std::string& step) {
  if (value.kind == Kind::array && is_position(step)) {
    const auto position = std::stoul(step);
    return position < value.items.size() ? &value.items[position] : nullptr;
  }
  for (auto& [key, member] : value.members) {
    if (key == step) return &member;
  }
  return nullptr;
}

Value& make_step(Value& value, const std::string& step) {
  if (auto* known = step_into(value, step)) return *known;
  if (is_position(step)) {
    value.kind = Kind::array;
    if (std::stoul(step) != value.items.size()) throw std::runtime_error("no position " + step);
    return value.items.emplace_back();
  }
  if (value.kind != Kind::object) value = Value{.kind = Kind::object};
  return value.members.emplace_back(Value::Member{step, Value{}}).second;
}

}  // namespace

Value parse_json(std::string_view text) {
  const auto document = json::decode(text);
  if (!document) throw std::runtime_error(document.error().detail);
  return copy_of(*document);
}

std::string to_text(const Value& value) {
  std::string out;
  switch (value.kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return value.boolean ? "true" : "false";
    case Kind::number:
      return value.text;
    case Kind::string:
      return json_string(value.text);
    case Kind::array:
      for (const auto& item : value.items) out += (out.empty() ? "" : ",") + to_text(item);
      return "[" + out + "]";
    case Kind::object:
      for (const auto& [key, member] : value.members) {
        out += (out.empty() ? "" : ",") + json_string(key) + ":" + to_text(member);
      }
      return "{" + out + "}";
  }
  return out;
}

Value* at(Value& root, std::string_view path) {
  Value* value = &root;
  for (const auto& step : steps_of(path)) {
    value = step_into(*value, step);
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string with(std::string_view document, std::string_view path, std::string_view value) {
  Value root = parse_json(document);
  Value* place = &root;
  for (const auto& step : steps_of(path)) place = &make_step(*place, step);
  *place = parse_json(value);
  return to_text(root);
}

std::string without(std::string_view document, std::string_view path) {
  Value root = parse_json(document);
  const auto last = path.rfind('.');
  const std::string key{last == std::string_view::npos ? path : path.substr(last + 1)};
  Value* parent = last == std::string_view::npos ? &root : at(root, path.substr(0, last));
  if (parent == nullptr || step_into(*parent, key) == nullptr) {
    throw std::runtime_error("nothing at " + std::string{path});
  }
  if (parent->kind == Kind::array) {
    parent->items.erase(parent->items.begin() + std::stol(key));
  } else {
    std::erase_if(parent->members,
                  [&](const Value::Member& member) { return member.first == key; });
  }
  return to_text(root);
}

}  // namespace serverless::repo
