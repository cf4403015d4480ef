#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.hpp"
#include "daemon/curl_http.hpp"
#include "daemon/dispatcher.hpp"
#include "daemon/gate.hpp"
#include "daemon/self.hpp"
#include "daemon/server.hpp"
#include "daemon/store.hpp"

namespace serverless::daemon {

/// Reads each account's key and pairs it with its provider's row.
/// @return the accounts, or everything that is wrong.
tl::expected<std::vector<AccountSetup>, std::vector<config::Problem>> set_up(
    const config::Config& config, const std::string& file);

/// The exporter: polls all accounts, and serves when told to. Members stand in the order in which
/// they need each other, and end in the opposite one.
class App {
 public:
  /// Starts polling. @throw std::runtime_error where libcurl cannot be set up.
  App(const config::Config& config, std::vector<AccountSetup> accounts);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Starts serving. @throw std::runtime_error naming an address that cannot be bound.
  void serve();

  /// Waits until everything was polled once, or for as long as that may take at most.
  struct Once {
    std::string page{};
    bool complete = false;  ///< Every poll succeeded.
  };
  Once poll_once(std::stop_token stop);

 private:
  [[nodiscard]] HttpReply handle(const HttpRequest& request);
  [[nodiscard]] HttpReply metrics();
  [[nodiscard]] HttpReply ready() const;
  [[nodiscard]] Page page(Now now);

  config::Config config_;
  Mono started_{};
  std::size_t account_count_ = 0;
  SelfMetrics self_{};
  std::shared_ptr<std::atomic<int>> scrapes_ = std::make_shared<std::atomic<int>>(0);
  Store store_;
  Gate gate_{};
  CurlHttp http_;
  std::vector<std::unique_ptr<Dispatcher>> dispatchers_{};
  std::unique_ptr<Server> server_{};
};

}  // namespace serverless::daemon
