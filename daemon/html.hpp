#pragma once

#include <string>
#include <string_view>

namespace serverless::daemon {

/// Text for HTML content and attribute values. Pure.
std::string escape_html(std::string_view text);

/// Text from outside for HTML content: escaped, and what changes the direction of writing acts on
/// nothing around it. Nothing for nothing. Pure.
std::string isolate(std::string_view text);

/// A URL with one more argument, encoded; without it where the value is empty. Pure.
std::string with_argument(std::string url, std::string_view name, std::string_view value);

/// @param html  what is to be pressed. Pure.
std::string link(const std::string& url, std::string_view html);

/// A spot in the colour of a status, which stands beside its word. Pure.
std::string swatch(std::string_view status);

}  // namespace serverless::daemon
