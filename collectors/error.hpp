#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace serverless {

/// Why a poll failed. Closed: the enumerators are the values of the `reason` label.
enum class Reason : std::uint8_t {
  timeout,
  dns,
  connect,
  tls,
  auth,       ///< The key is not accepted.
  forbidden,  ///< The key is good and may not do this.
  not_found,
  gone,  ///< The API itself is retired.
  rate_limited,
  client_error,
  server_error,
  too_large,  ///< More decoded bytes than max_body, or more of anything than is taken for real.
  parse,      ///< Not JSON.
  schema,     ///< JSON, but not the documented container.
  provider,   ///< An error inside a good answer.
  not_ready,  ///< Vast.ai's error_msg before an endpoint's first good poll.
  internal,
};

inline constexpr std::array<std::string_view, 17> kReasonNames{
    "timeout",   "dns",    "connect",      "tls",          "auth",         "forbidden",
    "not_found", "gone",   "rate_limited", "client_error", "server_error", "too_large",
    "parse",     "schema", "provider",     "not_ready",    "internal"};
inline constexpr std::size_t kReasonCount = kReasonNames.size();
static_assert(static_cast<std::size_t>(Reason::internal) + 1 == kReasonCount);

constexpr std::string_view name(Reason reason) {
  return kReasonNames[static_cast<std::size_t>(reason)];
}

/// What a reason turns into when it lasts: Den answers 401 when it is rate limited, so one 401
/// says little and two minutes of them say that the key is bad.
struct Escalation {
  Reason reason = Reason::internal;
  std::chrono::seconds after{0};

  bool operator==(const Escalation&) const = default;
};

/// A failed poll. `detail` goes to the log and the status page: it never holds a secret, a response
/// body or a URL's query.
struct Error {
  Reason reason = Reason::internal;
  std::string detail{};
  std::optional<std::chrono::milliseconds> retry_after{};  ///< The provider's own wish.
  std::optional<Escalation> escalation{};

  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Reason reason, std::string detail) {
  return tl::make_unexpected(Error{.reason = reason, .detail = std::move(detail)});
}

}  // namespace serverless
