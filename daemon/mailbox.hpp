#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "daemon/clock.hpp"

namespace serverless::daemon {

/// A queue between threads. Any number may put and take.
template <typename T>
class Mailbox {
 public:
  void put(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
  }

  /// Waits for an item, for `wake`, or for a stop: empty for the last two.
  std::optional<T> take(std::stop_token stop, std::optional<Mono> wake = std::nullopt) {
    std::unique_lock lock(mutex_);
    const auto some = [this] { return !items_.empty(); };
    if (wake) {
      // The condition variable counts on another clock than BOOTTIME: a suspend only makes this
      // wake late, and the caller looks at its own clock again.
      ready_.wait_for(lock, stop, *wake - read_clock().mono, some);
    } else {
      ready_.wait(lock, stop, some);
    }
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  std::mutex mutex_{};
  std::condition_variable_any ready_{};
  std::deque<T> items_{};
};

}  // namespace serverless::daemon
