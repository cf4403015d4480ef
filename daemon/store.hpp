#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "config/config.hpp"
#include "daemon/assemble.hpp"
#include "daemon/lease.hpp"

namespace serverless::daemon {

/// What has been published: the one state that threads share. Held for pointer copies only.
class Store {
 public:
  explicit Store(config::Limits limits) : limits_(limits) {}

  struct Current {
    Pages pages{};  ///< By account name.
    Withheld withheld{};
  };
  /// Nothing, once the lease is over.
  [[nodiscard]] Current current() const;

  /// Until when what is published may be shown.
  [[nodiscard]] Lease& lease() { return lease_; }

  /// Replaces an account's page. Called by its dispatcher only.
  void publish(std::shared_ptr<const AccountPage> page);

  /// Takes an account's page away.
  void remove(const std::string& account);

  void set_limits(config::Limits limits);

  /// Waits until `done` is true of what is published, or the deadline, or a stop.
  /// @return what `done` said last.
  bool wait(const std::function<bool(const Pages&)>& done, Mono deadline,
            const std::stop_token& stop);

 private:
  [[nodiscard]] Pages pages() const;

  config::Limits limits_;
  Lease lease_{};
  mutable std::mutex mutex_{};
  std::condition_variable_any published_{};
  std::map<std::string, std::shared_ptr<const AccountPage>> accounts_{};
  Withheld withheld_{};
};

/// Each account's first discovery has ended and each endpoint was tried once: all of them, or as
/// far as can be in 60 s (the caller's business). Pure.
bool all_tried(const Pages& pages, std::size_t accounts);

/// Everything was tried, and no poll failed. Pure.
bool all_good(const Pages& pages, std::size_t accounts);

}  // namespace serverless::daemon
