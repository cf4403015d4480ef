#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "collectors/http.hpp"
#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// What one member was told of an account as a whole, for the others: the provider's answers as
/// they came, so that each reads them by its own collector.
struct Passed {
  std::string account{};
  std::string target{};                   ///< key_of() it.
  Time sent{};                            ///< When the first request went out.
  std::chrono::milliseconds interval{0};  ///< After which that member asks again.
  struct Exchange {
    std::string method{};
    std::string url{};
    http::Response response{};  ///< Of its headers only the date and the age.

    bool operator==(const Exchange&) const = default;
  };
  std::vector<Exchange> exchanges{};

  bool operator==(const Passed&) const = default;
};

/// Only what a collector reads of such answers: the rest may hold the secrets of whoever deployed
/// an endpoint (its env), and they must not get into etcd. A body that is no JSON is left empty.
/// Pure.
/// @param read  Provider::read_of_lists
Passed without_what_nobody_reads(Passed passed, std::span<const std::string_view> read);

/// As etcd keeps it, compressed. etcd takes 1.5 MiB at once.
inline constexpr std::size_t kMostPassed = 1024 * 1024;
/// Of all bodies together, decoded.
inline constexpr std::size_t kMostPassedText = 64 * 1024 * 1024;

/// @return empty: it is larger than kMostPassed, or its text than kMostPassedText. Pure.
std::optional<std::string> encode(const Passed& passed);
/// @return what is wrong with the text, in words. Pure.
tl::expected<Passed, std::string> decode_passed(std::string_view text);

/// Answers as another member was answered.
class Replay final : public http::Client {
 public:
  explicit Replay(const Passed& passed) : passed_(passed) {}
  /// `internal` where that member did not ask this.
  Result<http::Response> send(const http::Request& request) override;

 private:
  const Passed& passed_;
};

}  // namespace serverless::daemon
