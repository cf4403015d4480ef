#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/assemble.hpp"
#include "daemon/stream.hpp"

namespace serverless::daemon {

/// A request without a body: all that is served is GET and HEAD.
struct HttpRequest {
  std::string method{};
  std::string path{};
  /// What stands behind the '?', decoded, in its order; a name may come more than once.
  std::vector<std::pair<std::string, std::string>> arguments{};
  std::string accept{};  ///< Its headers; empty: not sent.
  std::string accept_encoding{};
};

/// A page of metrics on its way out.
struct PageBody {
  std::shared_ptr<const Page> page{};
  bool gzip = false;
};

/// A text whose length is not known before it is sent.
struct StreamBody {
  Stream next{};
  bool gzip = false;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::variant<std::string, PageBody, StreamBody> body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::shared_ptr<void> keep{};  ///< Let go when the last byte was sent or the client is gone.
};

/// Where a listener stands: "127.0.0.1:10042", "[::1]:10042", "unix:/path", with the port that it
/// got.
struct Listener;

/// The only door to libmicrohttpd: one thread a listen address. The handler runs on it, so it must
/// not wait.
class Server {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  /// Binds and serves.
  /// @throw std::runtime_error naming the address that cannot be bound, and why.
  Server(const std::vector<std::string>& addresses, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// As given, but with the port that was bound where it was 0.
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  Handler handler_;
  std::vector<std::unique_ptr<Listener>> listeners_{};
};

}  // namespace serverless::daemon
