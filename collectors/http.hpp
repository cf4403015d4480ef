#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/error.hpp"
#include "collectors/timestamp.hpp"

namespace serverless::http {

/// How the account's key travels. The client adds it, so that no collector ever holds one.
enum class Auth : std::uint8_t {
  bearer,
  x_api_key,
  token,  ///< In Authorization, without a scheme.
};

struct Request {
  std::string api{};        ///< The `api` label: what shares one quota.
  std::string operation{};  ///< The `operation` label.
  std::string method = "GET";
  std::string url{};
  std::string body{};  ///< JSON, with POST.
  Auth auth = Auth::bearer;

  bool operator==(const Request&) const = default;
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};  ///< Names in lower case.
  std::string body{};                                          ///< Decoded.

  /// The first header of that lower-case name, or empty.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] std::optional<Time> date() const;
  /// For how long a cache had kept it (RFC 9111 section 5.1), a year at most; 0 where none says so.
  [[nodiscard]] std::chrono::seconds age() const;

  bool operator==(const Response&) const = default;
};

/// The port to the world. Threads: any number may call send() at once.
class Client {
 public:
  virtual ~Client() = default;
  /// Sends one request with the account's key and waits for the whole answer. Redirects are not
  /// followed.
  /// @return any complete HTTP answer, whatever its status; an Error (timeout, dns, connect, tls,
  ///         too_large; parse where its coding cannot be undone) only where none came.
  virtual Result<Response> send(const Request& request) = 0;
};

/// What a status code means where the provider has no other meaning for it. Nothing for 2xx. Pure.
/// The wait is that of Retry-After (RFC 9110 section 10.2.3), in seconds or as a date against the
/// answer's own Date; more than seven days is absurd and left out.
std::optional<Error> judge(const Response& response);

/// send(), then the provider's look, then judge().
/// @param look  may be null; what it returns wins over judge().
Result<Response> fetch(Client& client, const Request& request,
                       std::optional<Error> (*look)(const Response&) = nullptr);

/// Percent-encodes everything but RFC 3986's unreserved characters.
std::string url_encode(std::string_view text);

}  // namespace serverless::http
