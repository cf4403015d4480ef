#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.hpp"
#include "daemon/access.hpp"
#include "daemon/assignment.hpp"
#include "daemon/cluster.hpp"
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
  std::vector<AccountSetup> accounts{};  ///< Not divided yet.
  Admission admission{};
  Members members{};  ///< Of static shards.
};
using Problems = std::vector<config::Problem>;

/// Reads each account's key and pairs it with its provider's row.
/// @return the accounts, or everything that is wrong.
tl::expected<Loaded, Problems> set_up(config::Config config, const std::string& file,
                                      const Members& members);

/// Those of the accounts of which a member has a share, each with it. Pure.
std::vector<AccountSetup> divide(std::vector<AccountSetup> accounts, const config::Config& config,
                                 const Division& division);

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

  /// Does what other threads asked of the main thread, which SIGUSR1 tells of. Main thread only.
  void run_errands();

  /// Stops polling, and hands over to the other members of its cluster, if it is in one. It goes on
  /// serving what is its own. Main thread only.
  void leave();

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
  /// @return what was known of endpoints that are another member's now.
  std::vector<AccountState> swap_accounts(std::vector<AccountSetup> accounts,
                                          const Handed& handed = {});
  void join(const std::optional<config::Cluster>& cluster, const Members& members);
  [[nodiscard]] Host host();
  Host::Outcome divide_anew(const Division& division, const Handed& handed);
  bool on_main(std::function<void()> errand, const std::stop_token& stop);
  struct Errand {
    std::function<void()> run{};
    bool done = false;
  };
  using Waiters = std::vector<Respond>;
  [[nodiscard]] Waiters take_waiters();
  [[nodiscard]] HttpReply ask_for_reload();

  // The main thread's own.
  config::Config config_;
  std::vector<AccountSetup> accounts_{};  ///< As configured.
  Division division_{};
  Mono started_{};
  std::size_t account_count_ = 0;
  std::atomic<bool> lifecycle_ = false;
  std::mutex mutex_{};  ///< Of the four below.
  Waiters reload_waiters_{};
  bool stopping_ = false;
  std::vector<std::shared_ptr<Errand>> errands_{};
  std::condition_variable_any errand_done_{};
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
  Machinery machinery_;
  std::vector<std::unique_ptr<Dispatcher>> dispatchers_{};
  std::unique_ptr<Cluster>
      cluster_{};  ///< Null: alone, or a static shard. Changed without dispatchers.
  Server server_;
};

}  // namespace serverless::daemon
