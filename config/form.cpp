#include "config/form.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace serverless::config {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestHost = 253;
// sockaddr_un::sun_path, less its closing zero.
constexpr std::size_t kLongestSocketPath = 107;

constexpr std::string_view kUnix = "unix:";
// Each step doubles the work: 4 ms, and 4 s.
constexpr int kLeastCost = 6;
constexpr int kMostCost = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alphanumeric(char c) { return is_digit(c) || is_capital(c) || (c >= 'a' && c <= 'z'); }
bool is_printable(char c) { return c > ' ' && c <= '~'; }

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

/// A host name or an IPv4 address.
bool is_host(std::string_view text) {
  if (text.empty() || text.size() > kLongestHost) return false;
  const auto allowed = [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
  };
  if (!std::all_of(text.begin(), text.end(), allowed)) return false;
  if (text.front() == '.' || text.find("..") != std::string_view::npos) return false;
  // A last label of digits makes it an address, and resolvers read odd ones in odd ways.
  const auto last = text.substr(text.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), is_digit)) return is_ipv4(text);
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return port;
}

struct HostPort {
  std::string_view host{};  ///< Without brackets.
  bool is_v6 = false;
  std::optional<std::string_view> port{};
};

/// host, host:port, [v6] or [v6]:port. Nothing if the host is not one.
std::optional<HostPort> split_host_port(std::string_view text) {
  HostPort parts;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    parts.host = text.substr(1, close - 1);
    parts.is_v6 = true;
    rest = text.substr(close + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    parts.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (parts.is_v6 ? !is_ipv6(parts.host) : !is_host(parts.host)) return std::nullopt;
  if (rest.empty()) return parts;
  if (rest.front() != ':') return std::nullopt;
  parts.port = rest.substr(1);
  return parts;
}

bool is_loopback(const HostPort& parts) {
  if (parts.is_v6) {
    in6_addr address{};
    inet_pton(AF_INET6, std::string(parts.host).c_str(), &address);
    return IN6_IS_ADDR_LOOPBACK(&address);
  }
  // The address as a whole: 127.0.0.1.example.com is somebody's host.
  return parts.host == "localhost" || (is_ipv4(parts.host) && parts.host.starts_with("127."));
}

struct Url {
  bool plain = false;  ///< http, not https.
  HostPort host{};
  std::string_view path{};
};

/// @param schemes  what it may begin with, in words.
tl::expected<Url, std::string> parse_url(std::string_view text, std::string_view schemes) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const auto wrong = [](std::string what) { return tl::make_unexpected(std::move(what)); };
  const auto allowed = [](char c) { return is_printable(c) && c != '\\' && c != '"'; };
  if (!std::all_of(text.begin(), text.end(), allowed)) {
    return wrong("expected a URL of printable ASCII characters, without blanks");
  }
  const bool plain = text.starts_with(kHttp);
  if (!plain && !text.starts_with(kHttps)) {
    return wrong(fmt::format("expected a URL that begins with {}", schemes));
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return wrong("expected a URL without a query ('?') or a fragment ('#')");
  }
  text.remove_prefix(plain ? kHttp.size() : kHttps.size());
  const auto authority = text.substr(0, text.find('/'));
  if (authority.find('@') != std::string_view::npos) {
    return wrong("expected a URL without a user name or password");
  }
  const auto parts = split_host_port(authority);
  if (!parts) return wrong("expected a host name or an address after the \"//\" of the URL");
  if (parts->port && parse_port(*parts->port).value_or(0) == 0) {
    return wrong("expected a port from 1 to 65535 in the URL");
  }
  return Url{.plain = plain, .host = *parts, .path = text.substr(authority.size())};
}

}  // namespace

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  };
  return !text.empty() && text.size() <= kLongestName &&
         std::all_of(text.begin(), text.end(), allowed);
}

bool is_id(std::string_view text) { return is_name(text) && text.front() != '.'; }

bool is_variable(std::string_view text) {
  const auto allowed = [](char c) { return is_capital(c) || is_digit(c) || c == '_'; };
  return !text.empty() && !is_digit(text.front()) && std::all_of(text.begin(), text.end(), allowed);
}

std::optional<std::string> wrong_listen_address(std::string_view text) {
  if (text == "systemd") return std::nullopt;
  if (text.starts_with(kUnix)) {
    const auto path = text.substr(kUnix.size());
    if (path.size() < 2 || path.front() != '/') return "expected an absolute path after \"unix:\"";
    if (path.size() <= kLongestSocketPath) return std::nullopt;
    return fmt::format("expected a socket path of at most {} characters, found {}",
                       kLongestSocketPath, path.size());
  }
  if (text.starts_with(':') && !text.starts_with("::")) {
    return "expected a host before the port: 127.0.0.1 for this machine only, 0.0.0.0 or [::] for "
           "every address";
  }
  const auto parts = split_host_port(text);
  if (!parts) return "expected \"host:port\", \"[v6 address]:port\", \"unix:/path\" or \"systemd\"";
  if (!parts->port || !parse_port(*parts->port)) {
    return "expected a port from 0 to 65535 after the host, such as \"127.0.0.1:10042\"";
  }
  return std::nullopt;
}

bool is_local_address(std::string_view text) {
  // Who reaches the sockets of systemd is told in their unit.
  if (text.starts_with(kUnix) || text == "systemd") return true;
  const auto parts = split_host_port(text);
  return parts && is_loopback(*parts);
}

bool is_user(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_printable(c) && c != ':' && c != '"' && c != '\\'; });
}

std::optional<std::string> wrong_bcrypt(std::string_view text) {
  // "$2y$12$", 22 characters of salt, 31 of the hash.
  constexpr std::size_t kLength = 60;
  constexpr std::size_t kSaltAt = 7;
  const auto is_base64 = [](char c) { return is_alphanumeric(c) || c == '.' || c == '/'; };
  const bool right = text.size() == kLength && text.starts_with("$2") &&
                     std::string_view("aby").find(text[2]) != std::string_view::npos &&
                     text[3] == '$' && is_digit(text[4]) && is_digit(text[5]) && text[6] == '$' &&
                     std::all_of(text.begin() + kSaltAt, text.end(), is_base64);
  if (!right) return "expected a bcrypt hash, as `htpasswd -nB NAME` prints it: \"$2y$...\"";
  const int cost = (text[4] - '0') * 10 + (text[5] - '0');
  if (cost >= kLeastCost && cost <= kMostCost) return std::nullopt;
  return fmt::format("expected a bcrypt hash of a cost from {} to {}, found {}", kLeastCost,
                     kMostCost, cost);
}

std::optional<std::string> wrong_url(std::string_view text) {
  const auto url = parse_url(text, "https://");
  if (!url) return url.error();
  if (!url->plain || is_loopback(url->host)) return std::nullopt;
  return "expected https://: plain http would send the key in the clear, and is for localhost, "
         "127.0.0.0/8 and [::1] only";
}

std::optional<std::string> wrong_server(std::string_view text) {
  const auto url = parse_url(text, "https://");
  if (!url) return url.error();
  if (url->path.find_first_not_of('/') != std::string_view::npos) {
    return "expected a URL without a path, such as \"https://127.0.0.1:2379\"";
  }
  if (!url->plain || is_loopback(url->host)) return std::nullopt;
  return "expected https://: plain http can be read and changed on its way, and is for localhost, "
         "127.0.0.0/8 and [::1] only";
}

std::optional<std::string> wrong_link(std::string_view text) {
  const auto url = parse_url(text, "https:// or http://");
  return url ? std::nullopt : std::optional(url.error());
}

}  // namespace serverless::config
