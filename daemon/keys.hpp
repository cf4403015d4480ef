#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "config/config.hpp"
#include "config/secret.hpp"
#include "daemon/files.hpp"

namespace serverless::daemon {

/// Reads an account's key from where the configuration says. White space around it is cut; a key
/// with a control character in it is refused, since it would break a header.
/// @return the key, or what is wrong, naming the file or variable and never its content.
tl::expected<config::Secret, std::string> read_key(const config::KeySource& source);

/// A text of the provider's, which may quote the key, without it; and without the beginning of one
/// where the text was cut in the middle of it. Pure.
std::string without_key(std::string text, const config::Secret& key);

/// An account's key, which may change under us: a file is read again when it changed, and at once
/// after the provider refused the key. What cannot be read changes nothing and is logged once; the
/// old key stays. Threads: any.
class Key {
 public:
  /// @param secret  what read_key() said of this source.
  Key(std::string account, config::KeySource source, config::Secret secret);

  struct Reading {
    config::Secret secret{};
    std::uint64_t generation = 0;  ///< Grows with each change of the key.
  };
  [[nodiscard]] Reading current();

  /// The provider answered 401: whatever the file's stamp says, look again.
  void refused();

 private:
  [[nodiscard]] std::optional<FileStamp> stamp() const;
  void read_again();

  std::string account_;
  config::KeySource source_;
  std::mutex mutex_{};
  Reading reading_{};
  std::optional<FileStamp> stamp_{};
  bool suspect_ = false;
  std::string complaint_{};  ///< The last one that was logged.
};

}  // namespace serverless::daemon
