#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace serverless::daemon {

/// Names texts without keeping them: HMAC-SHA-256 with a key that only this process has. The only
/// door to GnuTLS's hashes.
class KeyedHash {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  /// @throw std::runtime_error without a source of random numbers.
  KeyedHash();

  /// Each text counts with its length, so that no two lists are alike.
  [[nodiscard]] Digest of(std::initializer_list<std::string_view> texts) const;

 private:
  Digest key_{};
};

}  // namespace serverless::daemon
