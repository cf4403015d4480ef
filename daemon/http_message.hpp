#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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

/// A few words. Pure.
inline HttpReply text_reply(int status, std::string text) {
  return {.status = status, .body = std::move(text)};
}

}  // namespace serverless::daemon
