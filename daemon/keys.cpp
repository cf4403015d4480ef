#include "daemon/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "daemon/files.hpp"
#include "daemon/log.hpp"

namespace serverless::daemon {
namespace {

using config::KeySource;
using Text = tl::expected<std::string, std::string>;

Text read_key_file(const std::string& path) {
  return read_file(path).map_error(
      [&](const std::string& why) { return fmt::format("cannot read {}: {}", path, why); });
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
  return read_key_file(fmt::format("{}/{}", directory, name));
}

Text read_text(const KeySource& source) {
  switch (source.kind) {
    case KeySource::Kind::file:
      return read_key_file(source.name);
    case KeySource::Kind::env:
      return read_env(source.name);
    case KeySource::Kind::credential:
      return read_credential(source.name);
  }
  return tl::make_unexpected(std::string("no source"));
}

std::optional<std::string> path_of(const KeySource& source) {
  if (source.kind == KeySource::Kind::file) return source.name;
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (source.kind != KeySource::Kind::credential || directory == nullptr) return std::nullopt;
  return fmt::format("{}/{}", directory, source.name);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

std::string without_key(std::string text, const config::Secret& key) {
  // Fewer characters tell nothing, and may stand in any text.
  constexpr std::size_t kTelling = 8;
  constexpr std::string_view kHidden = "(the key)";
  const std::string_view secret = key.reveal();
  if (secret.empty()) return text;
  const auto beginning = secret.substr(0, kTelling);
  for (auto at = text.find(beginning); at != std::string::npos;
       at = text.find(beginning, at + kHidden.size())) {
    const auto rest = std::string_view(text).substr(at);
    const auto end = std::mismatch(rest.begin(), rest.end(), secret.begin(), secret.end()).first;
    text.replace(at, static_cast<std::size_t>(end - rest.begin()), kHidden);
  }
  return text;
}

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

Key::Key(std::string account, KeySource source, config::Secret secret)
    : account_(std::move(account)),
      source_(std::move(source)),
      reading_{.secret = std::move(secret)},
      stamp_(stamp()) {}

Key::Reading Key::current() {
  const std::lock_guard lock(mutex_);
  const auto now = stamp();
  if (suspect_ || now != stamp_) {
    suspect_ = false;
    stamp_ = now;
    read_again();
  }
  return reading_;
}

void Key::refused() {
  const std::lock_guard lock(mutex_);
  suspect_ = true;
}

std::optional<FileStamp> Key::stamp() const {
  const auto path = path_of(source_);
  return path ? stamp_of(*path) : std::nullopt;
}

void Key::read_again() {
  auto key = read_key(source_);
  if (!key) {
    if (key.error() != complaint_) {
      log::error("key_unreadable", {{"account", account_}, {"detail", key.error()}});
    }
    complaint_ = key.error();
    return;
  }
  complaint_.clear();
  if (*key == reading_.secret) return;
  reading_.secret = std::move(*key);
  ++reading_.generation;
  log::info("key_changed", {{"account", account_}});
}

}  // namespace serverless::daemon
