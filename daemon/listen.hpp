#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace serverless::daemon {

/// A bound, listening socket. Whoever takes it closes it.
struct Socket {
  int descriptor = -1;
  std::string address{};  ///< As asked for, with the port that it got.

  /// The same socket by another descriptor. @throw std::runtime_error where there is none left.
  [[nodiscard]] Socket again() const;
};

/// The address of the sockets that systemd passes (sd_listen_fds(3)).
constexpr std::string_view kFromSystemd = "systemd";

/// Binds "host:port", "[v6]:port" or "unix:/path" and listens. A left-over unix socket that nobody
/// answers on is replaced. "systemd" is all sockets that systemd passed, which stay open.
/// @throw std::runtime_error naming the address and what is wrong.
std::vector<Socket> listen_on(const std::string& address);

}  // namespace serverless::daemon
