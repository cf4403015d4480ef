#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simulator {

/// Limits count real time, however fast the fleet lives.
using RealTime = std::chrono::steady_clock::time_point;

/// One member of RunPod's RateLimit-Policy: `quota` requests in `length`.
struct Window {
  std::string name{};
  int quota = 0;
  std::chrono::seconds length{0};

  bool operator==(const Window&) const = default;
};

struct LimitSettings {
  bool enforced = true;  ///< When false nothing is counted, refused or announced.
  /// What accounts were seen to have in July 2026; the published example is 60/3000/50000.
  std::vector<Window> runpod{{"minute", 180, std::chrono::seconds{60}},
                             {"hour", 7200, std::chrono::seconds{3600}},
                             {"day", 86400, std::chrono::seconds{86400}}};
  int den = 600;  ///< Requests of one Den key between two gaps of more than a minute.
};

/// Reads "minute:180:60,hour:7200:3600": name, quota, seconds.
std::optional<std::vector<Window>> parse_policy(std::string_view text);

struct RunpodQuota {
  bool allowed = true;
  std::string exceeded{};    ///< Name of the window that refused.
  int retry_after_s = 0;     ///< Until that window resets.
  std::string rate_limit{};  ///< Value of the RateLimit header; empty when nothing is enforced.
  std::string policy{};      ///< Value of RateLimit-Policy.
};

/// The quotas of all keys. Any thread may call.
class Limits {
 public:
  explicit Limits(LimitSettings settings);
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  void enforce(bool enforced);

  /// RunPod v2. A refused request is not counted.
  RunpodQuota runpod(std::string_view key, RealTime now);
  /// Vast.ai's least spacing between two accepted calls of one route.
  /// @return how long to wait still; zero: accepted.
  std::chrono::milliseconds vast(std::string_view key, std::string_view route,
                                 std::chrono::milliseconds spacing, RealTime now);
  /// Den's counter resets only after a gap of more than 60 s between accepted requests, and a
  /// refused one does not move the time of the last.
  bool den(std::string_view key, RealTime now);

 private:
  struct Count {
    int used = 0;
    RealTime since{};
  };

  std::mutex mutex_;
  LimitSettings settings_;
  std::map<std::string, std::vector<Count>, std::less<>> runpod_;
  std::map<std::pair<std::string, std::string>, RealTime> vast_;
  std::map<std::string, Count, std::less<>> den_;
};

}  // namespace simulator
