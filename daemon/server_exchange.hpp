#pragma once

#include <cstddef>
#include <memory>
#include <set>

#include "daemon/access.hpp"
#include "daemon/connections.hpp"
#include "daemon/http_message.hpp"
#include "daemon/server.hpp"
#include "daemon/server_client.hpp"
#include "daemon/server_waiting.hpp"

namespace serverless::daemon {

/// What all exchanges of a listener share.
struct Desk {
  const Server::Handler& handler;
  Connections& connections;
  Access& access;
  std::shared_ptr<const Bell> bell = std::make_shared<Bell>();
  int exchanges = 0;  ///< Under way.
  std::set<std::shared_ptr<Waiting>> waiting{};
};

/// A request, from its first line to the last byte of its answer: is it too large, who asks, what
/// is the answer. On the listener's thread.
class Exchange {
 public:
  /// The first line has come. @param uri  the size of what it asks for.
  Exchange(Desk& desk, MHD_Connection* connection, std::size_t uri);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// The head has come, a stretch of the body, or the end of it. Before the end an answer would be
  /// the connection's last.
  /// @param body  how long the stretch is; 0 once it was taken.
  /// @return whether the connection lives on.
  bool proceed(const char* method, const char* path, std::size_t& body);

 private:
  bool admit(const HttpRequest& request);
  bool answer(HttpRequest request);
  bool refuse(Refusal why, HttpReply reply);
  std::shared_ptr<Waiting> wait();
  bool go_on();

  Desk& desk_;
  MHD_Connection* connection_;
  const Client& client_;
  std::size_t uri_;
  std::size_t body_ = 0;
  bool begun_ = false;
  std::shared_ptr<Waiting> waiting_{};
};

}  // namespace serverless::daemon
