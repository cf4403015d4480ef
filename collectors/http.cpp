#include "collectors/http.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace serverless::http {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kLongestWait = std::chrono::days{7};
constexpr std::chrono::seconds kLongestAge = std::chrono::days{366};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Nothing for what is absurd: to believe it would silence an account for as long.
std::optional<milliseconds> sane(milliseconds wait) {
  if (wait < milliseconds{0} || wait > kLongestWait) return std::nullopt;
  return wait;
}

std::optional<milliseconds> retry_after(const Response& response) {
  const std::string_view text = trim(response.header("retry-after"));
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint32_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec != std::errc{}) return std::nullopt;
    return sane(std::chrono::seconds{seconds});
  }
  const auto until = parse_http_date(text);
  const auto sent = response.date();
  if (!until || !sent) return std::nullopt;
  return sane(*until - *sent);
}

bool is_html(const Response& response) {
  return response.header("content-type").starts_with("text/html") ||
         trim(response.body).starts_with('<');
}

Reason reason_of(int status) {
  switch (status) {
    case 401:
      return Reason::auth;
    case 403:
      return Reason::forbidden;
    case 404:
      return Reason::not_found;
    case 410:
      return Reason::gone;
    case 429:
      return Reason::rate_limited;
    default:
      break;
  }
  // A code that is none at all is to be taken for a 5xx (RFC 9110 section 15).
  return status >= 300 && status < 500 ? Reason::client_error : Reason::server_error;
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::optional<Time> Response::date() const { return parse_http_date(trim(header("date"))); }

std::chrono::seconds Response::age() const {
  const std::string_view text = trim(header("age"));
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return {};
  std::uint32_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // What is beyond counting is very old.
  if (read.ec != std::errc{}) return kLongestAge;
  return std::min(std::chrono::seconds{seconds}, kLongestAge);
}

std::optional<Error> judge(const Response& response) {
  const int status = response.status;
  if (status >= 200 && status < 300) return std::nullopt;
  Error error{.reason = reason_of(status), .detail = fmt::format("HTTP {}", status)};
  if (status >= 300 && status < 400) error.detail += ", redirect not followed";
  if (status == 403 && is_html(response)) {
    error.detail += ", an HTML page: looks like a block at the provider's edge";
  }
  if (status == 429 || status == 503) error.retry_after = retry_after(response);
  return error;
}

Result<Response> fetch(Client& client, const Request& request,
                       std::optional<Error> (*look)(const Response&)) {
  auto response = client.send(request);
  if (!response) return response;
  auto error = look != nullptr ? look(*response) : std::nullopt;
  if (!error) error = judge(*response);
  if (error) return tl::make_unexpected(std::move(*error));
  return response;
}

std::string url_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 0x0F];
    }
  }
  return encoded;
}

}  // namespace serverless::http
