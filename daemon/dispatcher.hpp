#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "collectors/collector.hpp"
#include "config/config.hpp"
#include "config/secret.hpp"
#include "daemon/account.hpp"
#include "daemon/assignment.hpp"
#include "daemon/curl_http.hpp"
#include "daemon/gate.hpp"
#include "daemon/keys.hpp"
#include "daemon/lease.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/passed.hpp"
#include "daemon/plan.hpp"
#include "daemon/pulses.hpp"
#include "daemon/store.hpp"

namespace serverless::daemon {

/// What a dispatcher is told about its account.
struct AccountSetup {
  config::Account account{};
  const Provider* provider = nullptr;
  config::Secret key{};       ///< As read at the start.
  std::string quota_group{};  ///< Accounts with the same word share one quota.
  /// Accounts in its quota group, itself among them, each as often as exporters ask it.
  std::uint32_t sharers = 1;
  Share share{};  ///< What of it is ours.
  config::Series series{};

  bool operator==(const AccountSetup&) const = default;
};

/// What one dispatcher of an account hands to the next.
struct Inheritance {
  AccountState account{};
  Pacing pacing{};
  Tempo learned{};        ///< What was learned of quotas and pages.
  bool new_view = false;  ///< Another key or setting may show other workers.
};

/// What all dispatchers share. Outlives them.
struct Machinery {
  CurlHttp& http;
  Gate& gate;
  Store& store;
  Pulses& pulses;
  const Lease& lease;
  /// Takes what other members of a cluster should hear. Any thread.
  std::function<void(Passed)> pass_on;
};

/// The same API as before (provider and URLs): what is known of the account stays true.
bool same_place(const AccountSetup& one, const AccountSetup& other);

/// Polls one account: one thread that decides and never waits for the network, and fetch threads
/// that run the collector, as many as have been needed at once. It alone writes the account's state
/// and publishes each change. Lifetime: what it is given by reference outlives it. The destructor
/// ends its threads, whatever hangs.
class Dispatcher {
 public:
  /// @param before  what is known from a dispatcher whose place this one takes.
  Dispatcher(AccountSetup setup, const Machinery& machinery,
             std::optional<Inheritance> before = std::nullopt);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Asks all threads to end, without waiting for them.
  void request_stop();

  [[nodiscard]] const AccountSetup& setup() const { return setup_; }

  /// Takes what another member was told, if this one needs it. Any thread.
  void hear(const Passed& passed);

  /// Ends all threads and hands out what is known.
  Inheritance release();

 private:
  class AccountClient;
  struct Order {
    Target target{};
    std::chrono::milliseconds interval{0};  ///< Until it is polled again.
  };

  void prepare(std::optional<Inheritance> before);
  void run(const std::stop_token& stop);
  void add_fetcher();
  void keep_enough_fetchers();
  void fetch(const std::stop_token& stop);
  Observation observe(const Order& order, const std::stop_token& stop);

  void start_due(Mono now);
  void take(Observation observation);
  void take_heard(Observation observation);
  void apply_heard(const Observation& observation);
  void hear_of_new_endpoints();
  void refresh_targets();
  void settle_expired(Now now);
  void note_key(const Observation& observation);
  void note_backoff(const Observation& observation);
  void leave_alone(const Target& target, Now now, std::chrono::nanoseconds wait);
  void close(const std::string& api, const std::string& scope, Now now,
             std::chrono::nanoseconds wait);
  void keep_to_quota(Now now);
  void reschedule(std::vector<Target> targets, std::map<std::string, Allowance> allowances);
  void note_news();
  [[nodiscard]] bool must_publish(Mono now) const;
  void publish();
  [[nodiscard]] std::chrono::milliseconds interval_of(const Target& target) const;
  [[nodiscard]] Pace pace_of(const Target& target, Source source) const;
  [[nodiscard]] Mono take_from() const;
  [[nodiscard]] Mono next_wake() const;
  [[nodiscard]] Context context() const;

  void log_answers(const Observation& observation);

  AccountSetup setup_;
  const Machinery& machinery_;
  Key key_;
  std::unique_ptr<const Collector> collector_;

  // The dispatcher thread's own.
  AccountState account_{};
  Schedule schedule_{};
  Pacing pacing_{};
  Schedule heard_{};  ///< Of what other members ask and this one is told: as it would ask itself.
  std::map<std::string, Observation> last_heard_{};  ///< By key_of() the target.
  std::uint64_t key_generation_ = 0;
  std::size_t under_way_ = 0;  ///< Polls that were ordered and have not come back.
  // What costs as much as there are endpoints is done at its time and not for every answer: when it
  // is due, or earlier.
  Mono start_at_{};
  Mono settle_at_{};
  Mono publish_from_{};          ///< No news is published before,
  Mono publish_at_{};            ///< and none waits for longer.
  Mono taken_at_{};              ///< When answers were last taken, or polls started.
  bool held_ = false;            ///< A poll is due and waits for the end of another.
  bool endpoints_told_ = false;  ///< By an answer since the targets were looked at.
  bool news_ = false;            ///< Not published yet.
  std::shared_ptr<const AccountPage> published_{};
  std::set<std::string> noted_{};    ///< Skips that were logged: once each.
  std::set<std::string> failing_{};  ///< What failed at its last poll: logged on change.

  Mailbox<Order> orders_{};
  Mailbox<Observation> results_{};
  std::stop_source stop_fetchers_{};
  std::vector<std::jthread> fetchers_{};  // The dispatcher thread's own while that runs.
  std::jthread thread_{};                 // Last: ends before what it uses.
};

}  // namespace serverless::daemon
