#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace serverless::daemon {

/// A server that hears one request a connection and sends what it is told to; an empty answer is
/// silence until the end.
class TinyServer {
 public:
  using Answer = std::function<std::string(const std::string& request)>;

  explicit TinyServer(Answer answer);
  ~TinyServer();
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] int port() const { return port_; }

  std::vector<std::string> requests();
  void wait_for_a_request();

 private:
  void run();

  Answer answer_;
  int listener_;
  int port_ = 0;
  std::mutex mutex_{};
  std::condition_variable heard_{};
  std::vector<std::string> requests_{};
  std::vector<int> silent_{};
  std::jthread thread_{};  // Last: ends before what it uses.
};

/// @param headers each with its line end.
std::string reply(const std::string& headers, const std::string& body,
                  const std::string& status = "200 OK");

TinyServer::Answer always(std::string text);

}  // namespace serverless::daemon
