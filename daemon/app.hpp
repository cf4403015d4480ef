#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.hpp"
#include "daemon/access.hpp"
#include "daemon/assignment.hpp"
#include "daemon/connections.hpp"
#include "daemon/curl_http.hpp"
#include "daemon/dispatcher.hpp"
#include "daemon/gate.hpp"
#include "daemon/refusals.hpp"
#include "daemon/routes.hpp"
#include "daemon/self.hpp"
#include "daemon/server.hpp"
#include "daemon/store.hpp"

namespace serverless::daemon {

/// A configuration that can be run.
struct Loaded {
  config::Config config{};
  std::vector<AccountSetup> accounts{};  ///< Of which this member has a share.
  Admission admission{};
  Members members{};
};
using Problems = std::vector<config::Problem>;

/// Reads each account's key, pairs it with its provider's row and takes this member's share of it.
/// @return the accounts, or everything that is wrong.
tl::expected<Loaded, Problems> set_up(config::Config config, const std::string& file,
                                      const Members& members);

/// What --check-config prints of a configuration without mistakes: the calls that this member
/// plans.
std::string forecast_text(const config::Config& config, const Members& members);

/// The exporter: polls all accounts, and serves when told to. Members stand in the order in which
/// they need each other, and end in the opposite one.
class App {
 public:
  /// Starts polling. @throw std::runtime_error where libcurl cannot be set up.
  explicit App(Loaded loaded);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Starts serving. @throw std::runtime_error naming an address that cannot be bound.
  void serve();

  /// Puts another configuration in place of the present one, or says why it stays: accounts that
  /// did not change go on, those at the same API keep what is known of them. Whoever asked by POST
  /// /-/reload is answered. Main thread only.
  /// @param load  reads the configuration; called after it is settled who is answered.
  void reload(const std::function<tl::expected<Loaded, Problems>()>& load);

  /// Of all its loops.
  [[nodiscard]] const Pulses& pulses() const { return pulses_; }

  /// Waits until everything was polled once, or for as long as that may take at most.
  struct Once {
    std::string page{};
    bool complete = false;  ///< Every poll succeeded.
  };
  Once poll_once(const std::stop_token& stop);

 private:
  void warn_of_exposure() const;
  void swap_accounts(std::vector<AccountSetup> accounts, Members members);
  using Waiters = std::vector<Respond>;
  [[nodiscard]] Waiters take_waiters();
  [[nodiscard]] HttpReply ask_for_reload();

  config::Config config_;  ///< The main thread's own.
  Mono started_{};
  std::size_t account_count_ = 0;
  std::atomic<bool> lifecycle_ = false;
  std::mutex mutex_{};  ///< Of the two below.
  Waiters reload_waiters_{};
  bool stopping_ = false;
  bool serving_ = false;
  Pulses pulses_{};
  SelfMetrics self_{};
  Refusals refusals_{self_};
  Connections connections_;
  Access access_;
  Store store_;
  Routes routes_;
  Gate gate_{};
  CurlHttp http_;
  std::vector<std::unique_ptr<Dispatcher>> dispatchers_{};
  Server server_;
};

}  // namespace serverless::daemon
