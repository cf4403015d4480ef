#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace serverless::daemon {

/// A bounded queue in which addresses take turns: who asks much waits behind who asks little.
template <typename Job>
class FairQueue {
 public:
  FairQueue(std::size_t most, std::size_t most_of_one) : most_(most), most_of_one_(most_of_one) {}

  /// @return false: no room, in all or for that address.
  bool push(const std::string& address, Job job) {
    auto& own = jobs_[address];
    const bool room = size_ < most_ && own.size() < most_of_one_;
    if (room) own.push_back(std::move(job));
    if (room) ++size_;
    if (own.empty()) jobs_.erase(address);
    return room;
  }

  std::optional<Job> pop() {
    if (jobs_.empty()) return std::nullopt;
    auto next = jobs_.upper_bound(last_);
    if (next == jobs_.end()) next = jobs_.begin();
    last_ = next->first;
    auto job = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty()) jobs_.erase(next);
    --size_;
    return job;
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::size_t most_;
  std::size_t most_of_one_;
  std::size_t size_ = 0;
  std::string last_{};
  std::map<std::string, std::deque<Job>> jobs_{};
};

}  // namespace serverless::daemon
