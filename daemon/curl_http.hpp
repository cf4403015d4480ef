#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "collectors/http.hpp"
#include "config/secret.hpp"
#include "daemon/pulses.hpp"

namespace serverless::daemon {

/// What bounds one request.
struct Bounds {
  std::chrono::milliseconds timeout{0};  ///< From sending to the last byte.
  std::size_t max_body = 0;              ///< Decoded bytes.
  Mono start_before = Mono::max();       ///< From then on it is not sent.
};

/// Whom a request trusts, and who it is itself: paths of PEM files, read at each handshake.
struct Trust {
  std::string ca_file{};    ///< Empty: the system's authorities.
  std::string cert_file{};  ///< Empty: none is shown. With key_file.
  std::string key_file{};
};

/// The only door to libcurl: one multi handle and one thread for the process. HTTP/2 where the
/// server has it, keep-alive, gzip and no other coding; redirects are not followed; headers are
/// capped. A connection on which nobody acknowledges anything, for a second longer than a request
/// has, is over.
/// Threads: send() from any number. Lifetime: outlives every sender; the destructor ends what is
/// under way.
class CurlHttp {
 public:
  /// @throw std::runtime_error where libcurl cannot be set up.
  /// @param pulses  outlives this.
  CurlHttp(std::string user_agent, Pulses& pulses);
  ~CurlHttp();
  CurlHttp(const CurlHttp&) = delete;
  CurlHttp& operator=(const CurlHttp&) = delete;

  /// As http::Client::send(), with the key; an empty one is not sent. Returns at once, with
  /// `internal`, when `stop` is asked for.
  Result<http::Response> send(const http::Request& request, const config::Secret& key,
                              const Bounds& bounds, const std::stop_token& stop,
                              const Trust& trust = {});

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace serverless::daemon
