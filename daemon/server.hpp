#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/access.hpp"
#include "daemon/connections.hpp"
#include "daemon/http_message.hpp"
#include "daemon/listen.hpp"
#include "daemon/pulses.hpp"

namespace serverless::daemon {

class Listener;

/// What is served, on which addresses: one thread a listen address. The handler runs on it, so it
/// must not wait. Whoever is slow is cut off, and holds up nobody: see Connections. The files
/// server_* are its own, and the only door to libmicrohttpd.
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
