#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
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
    bool awaited = false;
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
      awaited = waiting_ > 0;
    }
    // To wake a thread costs more than most of what it is woken for.
    if (awaited) ready_.notify_one();
  }

  /// Waits for an item, or for a stop: empty then.
  std::optional<T> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    ready_.wait(lock, stop, [this] { return !items_.empty(); });
    --waiting_;
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  /// Waits for an item, for `wake`, or for a stop, and takes all that there is then. What comes
  /// before `from` is left until then, and wakes nobody.
  std::deque<T> take_all(const std::stop_token& stop, Mono from, Mono wake) {
    std::unique_lock lock(mutex_);
    // The condition variable counts on another clock than BOOTTIME: a suspend only makes this wake
    // late, and the caller looks at its own clock again.
    const auto wait_until = [&](Mono moment, const auto& done) {
      ready_.wait_for(lock, stop, moment - read_clock().mono, done);
    };
    if (from > read_clock().mono) wait_until(std::min(from, wake), [] { return false; });
    ++waiting_;
    wait_until(wake, [this] { return !items_.empty(); });
    --waiting_;
    return std::exchange(items_, {});
  }

 private:
  std::mutex mutex_{};
  std::condition_variable_any ready_{};
  std::size_t waiting_ = 0;  ///< Who would take an item now.
  std::deque<T> items_{};
};

}  // namespace serverless::daemon
