#include "daemon/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace serverless::daemon {
namespace {

using config::KeySource;
using Text = tl::expected<std::string, std::string>;

Text read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return tl::make_unexpected(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return tl::make_unexpected(fmt::format("cannot read {}", path));
  return text;
}

Text read_env(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) {
    return tl::make_unexpected(fmt::format("the environment has no variable {}", name));
  }
  return std::string(value);
}

Text read_credential(const std::string& name) {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr) {
    return tl::make_unexpected(fmt::format(
        "no credential {}: $CREDENTIALS_DIRECTORY is not set; does the unit have LoadCredential=?",
        name));
  }
  return read_file(fmt::format("{}/{}", directory, name));
}

Text read_text(const KeySource& source) {
  switch (source.kind) {
    case KeySource::Kind::file:
      return read_file(source.name);
    case KeySource::Kind::env:
      return read_env(source.name);
    case KeySource::Kind::credential:
      return read_credential(source.name);
  }
  return tl::make_unexpected(std::string("no source"));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

tl::expected<config::Secret, std::string> read_key(const KeySource& source) {
  const auto text = read_text(source);
  if (!text) return tl::make_unexpected(text.error());
  const auto key = trimmed(*text);
  if (key.empty()) return tl::make_unexpected(fmt::format("the key in {} is empty", source.name));
  const bool printable =
      std::all_of(key.begin(), key.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (!printable) {
    return tl::make_unexpected(
        fmt::format("the key in {} holds a space or a character that no key has", source.name));
  }
  return config::Secret(std::string(key));
}

}  // namespace serverless::daemon
