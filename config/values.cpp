#include "config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/form.hpp"
#include "config/units.hpp"

namespace serverless::config {
namespace {

using std::chrono::milliseconds;

// Shorter than the keys of all providers that we know.
constexpr std::size_t kLongestShown = 16;

/// The kind of a value, and nothing of the value itself.
std::string kind_of(const Node& node) {
  constexpr std::array<std::string_view, std::variant_size_v<decltype(Node::value)>> kKinds{
      "a date or time", "a boolean", "an integer", "a decimal number",
      "a text",         "a list",    "a table"};
  return std::string(kKinds[node.value.index()]);
}

std::string found(const Node& node) {
  if (const auto* text = std::get_if<std::string>(&node.value)) return shown(*text);
  if (const auto* value = std::get_if<std::int64_t>(&node.value)) {
    return fmt::format("the integer {}", *value);
  }
  return kind_of(node);
}

std::optional<milliseconds> duration_between(const Node& node, milliseconds least,
                                             milliseconds most) {
  const auto* text = std::get_if<std::string>(&node.value);
  if (text == nullptr) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (!duration || *duration < least || *duration > most) return std::nullopt;
  return duration;
}

std::string duration_form(milliseconds least, milliseconds most) {
  return fmt::format("a duration from {} to {} (such as \"30s\", \"5m\", \"1h30m\" or \"500ms\")",
                     duration_text(least), duration_text(most));
}

/// Unlike unlike(), for a value that may be a secret in the wrong place.
tl::unexpected<std::string> unlike_kind(std::string_view expected, const Node& found) {
  return tl::make_unexpected(fmt::format("expected {}, found {}", expected, kind_of(found)));
}

Parsed<std::string> read_unless(std::optional<std::string> (*wrong)(std::string_view),
                                const Node& node) {
  auto text = read_text(node);
  if (!text) return text;
  if (auto what = wrong(*text)) return tl::make_unexpected(std::move(*what));
  return text;
}

Parsed<std::string> without_slashes(Parsed<std::string> url) {
  while (url && url->ends_with('/')) url->pop_back();
  return url;
}

}  // namespace

std::string shown(std::string_view text) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (text.size() <= kLongestShown && std::all_of(text.begin(), text.end(), printable)) {
    return fmt::format("\"{}\"", text);
  }
  return fmt::format("a text of {} bytes", text.size());
}

tl::unexpected<std::string> unlike(std::string_view expected, const Node& node) {
  return tl::make_unexpected(fmt::format("expected {}, found {}", expected, found(node)));
}

Parsed<bool> read_boolean(const Node& node) {
  if (const auto* value = std::get_if<bool>(&node.value)) return *value;
  return unlike("true or false", node);
}

Parsed<std::string> read_name(const Node& node) {
  const auto* text = std::get_if<std::string>(&node.value);
  if (text != nullptr && is_name(*text)) return *text;
  return unlike("1 to 64 of the characters A-Z a-z 0-9 _ . -", node);
}

Parsed<std::string> read_id(const Node& node) {
  const auto* number = std::get_if<std::int64_t>(&node.value);
  if (number != nullptr && *number >= 0) return std::to_string(*number);
  const auto* text = std::get_if<std::string>(&node.value);
  if (text != nullptr && is_id(*text)) return *text;
  return unlike("an id: 1 to 64 of the characters A-Z a-z 0-9 _ . - without a dot in front", node);
}

Parsed<std::string> read_text(const Node& node) {
  const auto* text = std::get_if<std::string>(&node.value);
  if (text == nullptr) return unlike_kind("a text", node);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(text->begin(), text->end(), is_control)) {
    return tl::make_unexpected("expected a text without control characters");
  }
  return *text;
}

Parsed<std::string> read_item(const Node& node) {
  if (const auto* number = std::get_if<std::int64_t>(&node.value)) return std::to_string(*number);
  auto text = read_text(node);
  if (text && text->empty()) return tl::make_unexpected("expected a text that is not empty");
  return text;
}

Parsed<std::string> read_url(const Node& node) {
  return without_slashes(read_unless(wrong_url, node));
}

Parsed<std::string> read_server(const Node& node) {
  return without_slashes(read_unless(wrong_server, node));
}

Parsed<std::string> read_link(const Node& node) {
  return without_slashes(read_unless(wrong_link, node));
}

Parsed<std::string> read_path(const Node& node) {
  auto text = read_text(node);
  if (!text || text->starts_with('/')) return text;
  return tl::make_unexpected(std::string("expected an absolute path"));
}

Parsed<std::string> read_listen_address(const Node& node) {
  return read_unless(wrong_listen_address, node);
}

Parsed<std::uint64_t> read_integer(const Node& node, std::uint64_t least, std::uint64_t most) {
  const auto* value = std::get_if<std::int64_t>(&node.value);
  if (value != nullptr && *value >= 0) {
    const auto number = static_cast<std::uint64_t>(*value);
    if (number >= least && number <= most) return number;
  }
  return unlike(fmt::format("an integer from {} to {}", least, most), node);
}

Parsed<double> read_ratio(const Node& node, double least, double most) {
  std::optional<double> number;
  if (const auto* decimal = std::get_if<double>(&node.value)) number = *decimal;
  if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
    number = static_cast<double>(*integer);
  }
  if (number && *number >= least && *number <= most) return *number;
  return unlike(fmt::format("a number from {} to {}", least, most), node);
}

Parsed<std::size_t> read_size(const Node& node, std::size_t least, std::size_t most) {
  std::optional<std::size_t> bytes;
  if (const auto* text = std::get_if<std::string>(&node.value)) bytes = parse_size(*text);
  const auto* number = std::get_if<std::int64_t>(&node.value);
  if (number != nullptr && *number >= 0) bytes = static_cast<std::size_t>(*number);
  if (bytes && *bytes >= least && *bytes <= most) return *bytes;
  return unlike(
      fmt::format("a size from {} to {} (such as \"16MiB\", \"64KB\" or a number of bytes)",
                  size_text(least), size_text(most)),
      node);
}

Parsed<milliseconds> read_duration(const Node& node, milliseconds least, milliseconds most) {
  if (const auto duration = duration_between(node, least, most)) return *duration;
  return unlike(duration_form(least, most), node);
}

Parsed<std::optional<milliseconds>> read_duration_or_auto(const Node& node, milliseconds least,
                                                          milliseconds most) {
  const auto* text = std::get_if<std::string>(&node.value);
  if (text != nullptr && *text == "auto") return std::optional<milliseconds>{};
  if (const auto duration = duration_between(node, least, most)) return duration;
  return unlike("\"auto\" or " + duration_form(least, most), node);
}

Parsed<std::size_t> read_word(const Node& node, std::span<const std::string_view> words) {
  const auto* text = std::get_if<std::string>(&node.value);
  std::string form;
  for (std::size_t index = 0; index < words.size(); ++index) {
    if (text != nullptr && *text == words[index]) return index;
    form += fmt::format("{}\"{}\"", form.empty() ? "one of " : ", ", words[index]);
  }
  return unlike(form, node);
}

}  // namespace serverless::config
