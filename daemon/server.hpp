#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/access.hpp"
#include "daemon/connections.hpp"
#include "daemon/listen.hpp"
#include "daemon/pulses.hpp"
#include "daemon/reply_body.hpp"

namespace serverless::daemon {

/// A request. Bodies are read and dropped: nothing that is served takes one.
struct HttpRequest {
  std::string method{};
  std::string path{};
  /// What stands behind the '?', decoded, in its order; a name may come more than once.
  std::vector<std::pair<std::string, std::string>> arguments{};
  std::string accept{};  ///< Its headers; empty: not sent.
  std::string accept_encoding{};
  bool crowded = false;  ///< Too many answers are on their way: only a short one may follow.
};

struct HttpReply;
using Respond = std::function<void(HttpReply)>;

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::variant<std::string, PageBody, StreamBody> body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::shared_ptr<void> keep{};  ///< Let go when the last byte was sent or the client is gone.
  /// Where it is set, the rest says nothing: the client waits until the answer is handed to what
  /// this is given, once, by whatever thread. The server serves others meanwhile.
  std::function<void(Respond)> later{};
};

/// One address with its thread.
struct Listener;

/// The only door to libmicrohttpd: one thread a listen address. The handler runs on it, so it must
/// not wait. Whoever is slow is cut off, and holds up nobody: see Connections.
/// Threads: as Server's owner only, but for the handler.
class Server {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  /// Serves nothing yet. What it is given by reference outlives it.
  Server(Handler handler, Connections& connections, Access& access, Pulses& pulses);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds those that are not served yet: "127.0.0.1:10042", "[::1]:10042", "unix:/path",
  /// "systemd". Who comes waits for serve().
  /// @throw std::runtime_error naming the address that cannot be bound, and why; then nothing
  ///        changed.
  void bind(const std::vector<std::string>& addresses);
  /// Serves there and nowhere else, with TLS or without, as Access has it now.
  /// @param addresses  as for bind() before.
  void serve(const std::vector<std::string>& addresses);

  /// Those that are served, with the port that was bound where it was 0.
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  [[nodiscard]] std::unique_ptr<Listener> start(Socket socket);

  Handler handler_;
  Connections& connections_;
  Access& access_;
  Pulses& pulses_;
  std::map<std::string, std::vector<Socket>> bound_{};  ///< And not served yet.
  /// By address as asked for. Without an initialiser: it would need to know what a Listener is.
  std::map<std::string, std::vector<std::unique_ptr<Listener>>> listeners_;
};

}  // namespace serverless::daemon
