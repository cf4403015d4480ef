#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <variant>

#include "config/node.hpp"

namespace serverless::config {

/// A value, or what was expected and what was found instead. No message repeats a text that could
/// be a key of a provider: people paste those into the wrong place, and messages end up in logs.
/// So texts are repeated only if they are short, and never where a path, a URL or a key's name is
/// expected.
template <typename T>
using Parsed = tl::expected<T, std::string>;

/// "expected ..., found ...", for a value that is not what it should be.
tl::unexpected<std::string> unlike(std::string_view expected, const Node& found);

/// A short text in quotes; any other by its length.
std::string shown(std::string_view text);

Parsed<bool> read_boolean(const Node& node);
Parsed<std::string> read_name(const Node& node);  ///< As is_name() has it.
Parsed<std::string> read_id(const Node& node);    ///< As is_id() has it, or a number.
Parsed<std::string> read_text(const Node& node);  ///< Without control characters.
Parsed<std::string> read_item(const Node& node);  ///< A text that is not empty, or a number.
/// As wrong_url(), wrong_server() and wrong_link() have it, without slashes at its end.
Parsed<std::string> read_url(const Node& node);
Parsed<std::string> read_server(const Node& node);
Parsed<std::string> read_link(const Node& node);
Parsed<std::string> read_path(const Node& node);  ///< Absolute.
Parsed<std::string> read_listen_address(const Node& node);
Parsed<std::uint64_t> read_integer(const Node& node, std::uint64_t least, std::uint64_t most);
/// A decimal number or an integer.
Parsed<double> read_ratio(const Node& node, double least, double most);
Parsed<std::size_t> read_size(const Node& node, std::size_t least, std::size_t most);
Parsed<std::chrono::milliseconds> read_duration(const Node& node, std::chrono::milliseconds least,
                                                std::chrono::milliseconds most);
/// A duration, or the word "auto", which is read as nothing.
Parsed<std::optional<std::chrono::milliseconds>> read_duration_or_auto(
    const Node& node, std::chrono::milliseconds least, std::chrono::milliseconds most);

/// A reader that takes an empty text as it is.
template <typename Read>
auto or_empty(Read read) {
  return [read](const Node& node) -> Parsed<std::string> {
    const auto* text = std::get_if<std::string>(&node.value);
    return text != nullptr && text->empty() ? Parsed<std::string>{} : read(node);
  };
}

/// The index of the word that a text is.
Parsed<std::size_t> read_word(const Node& node, std::span<const std::string_view> words);

}  // namespace serverless::config
