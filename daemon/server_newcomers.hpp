#pragma once

#include <map>

#include "daemon/server_client.hpp"

struct MHD_Connection;

namespace serverless::daemon {

/// TLS clients that have not asked for anything yet. In the middle of a handshake libmicrohttpd
/// asks a client anew, without a pause, for as long as it says nothing; here it is left alone until
/// it does. Of each address one goes on in a round of the listener, for it costs a signature, which
/// is milliseconds. On the listener's thread.
class Newcomers {
 public:
  /// @throw std::runtime_error where there is no descriptor left.
  Newcomers();
  ~Newcomers();
  Newcomers(const Newcomers&) = delete;
  Newcomers& operator=(const Newcomers&) = delete;

  /// Readable while one has said something.
  [[nodiscard]] int descriptor() const { return epoll_; }

  /// @param client  stays where it is until it leaves.
  void enter(MHD_Connection* connection, const Client& client);
  /// It asks for something, or is gone.
  void leave(const Client& client);

  /// For the next round: those whose turn it is go on.
  void go_on();
  /// After it: they are left alone again.
  void rest();
  /// All go on.
  void end();

 private:
  struct Newcomer {
    MHD_Connection* connection = nullptr;
    const Client* client = nullptr;
    bool rests = false;
  };
  void wake(Newcomer& newcomer) const;

  int epoll_;
  std::map<int, Newcomer> all_{};  ///< By descriptor.
};

}  // namespace serverless::daemon
