#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <thread>

#include "daemon/access.hpp"
#include "daemon/connections.hpp"
#include "daemon/listen.hpp"
#include "daemon/pulses.hpp"
#include "daemon/server.hpp"
#include "daemon/server_client.hpp"
#include "daemon/server_exchange.hpp"
#include "daemon/server_newcomers.hpp"

struct MHD_Daemon;

namespace serverless::daemon {

/// One address with its thread: lets clients in, arms their TLS, watches deadlines. Threads: the
/// Server's owner's.
class Listener {
 public:
  /// Serves, with TLS or without, as Access has it now. Closes the socket in the end.
  /// @throw std::runtime_error naming the address where it cannot be served.
  Listener(Socket socket, Desk desk, Pulses& pulses);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Accepts nobody from now on. Does not wait for the answers that are on their way.
  void request_stop() { thread_.request_stop(); }

  [[nodiscard]] const Socket& socket() const { return socket_; }
  [[nodiscard]] bool encrypted() const { return encrypted_; }

 private:
  /// What libmicrohttpd calls, on the thread.
  struct Calls;

  void run(const std::stop_token& stop);
  void serve_for(int wait_ms);
  std::unique_ptr<Client> enter(MHD_Connection* connection);
  void leave(const Client& client);
  void note(std::string_view line);

  Socket socket_;
  Desk desk_;
  Pulses& pulses_;
  const bool encrypted_;
  MHD_Daemon* daemon_ = nullptr;
  int events_ = -1;                         ///< What libmicrohttpd waits for, as one descriptor.
  std::map<int, const Client*> clients_{};  ///< By descriptor.
  Newcomers newcomers_{};
  std::jthread thread_{};
};

}  // namespace serverless::daemon
