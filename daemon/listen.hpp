#pragma once

#include <string>

namespace serverless::daemon {

/// A bound, listening socket.
struct Socket {
  int descriptor = -1;
  std::string address{};  ///< As asked for, with the port that it got.
};

/// Binds "host:port", "[v6]:port" or "unix:/path" and listens. A left-over unix socket that nobody
/// answers on is replaced.
/// @throw std::runtime_error naming the address and what is wrong.
Socket listen_on(const std::string& address);

}  // namespace serverless::daemon
