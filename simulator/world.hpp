#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "simulator/faults.hpp"
#include "simulator/fleet.hpp"
#include "simulator/limits.hpp"
#include "simulator/provider.hpp"

namespace simulator {

struct WorldSettings {
  Shape shape{};
  Time start{};      ///< Simulated time at the beginning.
  double speed = 1;  ///< Simulated seconds in a real one.
  bool frozen = false;
  std::vector<std::string> keys{"demo-key"};
  ProviderSettings provider{};
  LimitSettings limits{};
};

/// One request as it was received.
struct LoggedRequest {
  std::uint64_t sequence = 0;
  double unix_time = 0;  ///< Real, not simulated.
  std::string host{};
  std::string method{};
  std::string target{};
  std::string endpoint{};
  int code = 0;  ///< 0: nothing was answered.
  std::string user_agent{};
  bool authorized = false;
  std::optional<std::size_t> key{};  ///< The number of the one that was accepted.
  std::string retry_after{};         ///< As told in the header; empty: not told.
  std::string_view fault{};
};

/// Everything that changes: simulated time, keys, faults, what was removed by hand, who asked
/// what. Any thread may call.
class World {
 public:
  explicit World(WorldSettings settings);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Answers one request, whichever host it is for, and remembers it.
  Delivery answer(const Request& request);

  [[nodiscard]] View view() const;
  [[nodiscard]] Faults& faults() { return faults_; }
  [[nodiscard]] Limits& limits() { return limits_; }

  void freeze();
  void thaw();
  void advance(double seconds);
  void set_skew(double seconds);
  void add_key(std::string key);
  void remove_key(std::string_view key);
  void change(const std::function<void(Controls&)>& edit);

  [[nodiscard]] std::string requests_since(std::uint64_t sequence) const;
  [[nodiscard]] std::string stats() const;

 private:
  [[nodiscard]] Time now_locked() const;
  /// Which of the keys it is, from 0 in the order in which they were added; empty: none.
  [[nodiscard]] std::optional<std::size_t> number_of(std::string_view key) const;
  Delivery from_provider(const Provider& provider, const Request& request);
  void remember(const Request& request, const Delivery& delivery);

  WorldSettings settings_;
  Fleet fleet_;
  Faults faults_;
  Limits limits_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::shared_ptr<const Controls> controls_ = std::make_shared<const Controls>();
  std::map<std::string, std::size_t, std::less<>> keys_{};  ///< And their numbers.
  std::size_t keys_ever_ = 0;
  bool frozen_ = false;
  Time base_{};  ///< Simulated time at since_.
  RealTime since_{};
  std::chrono::milliseconds skew_{0};
  std::deque<LoggedRequest> log_;
  std::uint64_t sequence_ = 0;
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t> counts_;
};

/// The simulator's own routes.
Reply admin(const Request& request, World& world);

/// Everything the fleet holds at this time, as JSON, in the words of the providers.
/// @param api one of "runpod", "runpod-v1", "vast", "den"; empty: all.
std::string truth(const View& view, std::string_view api = {});

}  // namespace simulator
