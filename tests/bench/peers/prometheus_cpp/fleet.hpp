#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the C++ peers share: polling, and which samples a worker has.
namespace peer {

struct Endpoint {
  std::string provider{};  ///< runpod or vast.
  std::string id{};
};

/// A worker; what was not reported is empty.
struct Worker {
  std::string id{};
  std::string status{};
  std::string gpu{};
  std::string location{};
  std::string version{};
  bool stale = false;
  std::optional<double> uptime{};
  std::optional<double> started{};
  std::optional<double> gpus{};
  std::optional<double> model_loaded{};
  std::optional<double> cur_load{};
  std::optional<double> new_load{};
  std::optional<double> cur_load_rolling_avg{};
  std::optional<double> cur_perf{};
  std::optional<double> perf{};
  std::optional<double> measured_perf{};
  std::optional<double> benchmarked{};
  std::optional<double> dlperf{};
  std::optional<double> reliability{};
  std::optional<double> requests_in_flight{};
  std::optional<double> disk_usage_bytes{};
};

struct Jobs {
  double in_queue = 0;
  double in_progress = 0;
  double completed = 0;
  double failed = 0;
  double retried = 0;
};

/// All that is known of one endpoint.
struct Snapshot {
  Endpoint endpoint{};
  std::vector<Worker> workers{};
  std::optional<Jobs> jobs{};  ///< Empty at Vast.ai.
};

struct Family {
  std::string name{};
  std::string help{};
  bool counter = false;
};

/// The first three have labels of their own: gpu_type, location and version; status; none.
inline constexpr std::size_t kInfo = 0;
inline constexpr std::size_t kStatus = 1;
inline constexpr std::size_t kStale = 2;

/// Families of workers, then, from kJobs on, of endpoints.
const std::vector<Family>& families();
inline constexpr std::size_t kJobs = 18;

/// Visits the samples of a worker that have no labels of their own: index in families(), value.
void for_each_number(const Worker& worker, const std::function<void(std::size_t, double)>& visit);
void for_each_number(const Jobs& jobs, const std::function<void(std::size_t, double)>& visit);

/// Polls the simulator with 8 requests under way.
class Poller {
 public:
  /// @param fleet_file  a line "PROVIDER ID" for each endpoint.
  /// @param take  is given each endpoint as soon as it was polled; calls may come from several
  ///              threads at once.
  Poller(std::string simulator, std::string key, const std::string& fleet_file,
         std::function<void(Snapshot)> take);

  /// Asks for everything once. @throw std::runtime_error if anything failed.
  void poll();

 private:
  void work(std::atomic<std::size_t>& next, std::atomic<std::size_t>& failed) const;

  std::string simulator_;
  std::string key_;
  std::vector<Endpoint> endpoints_{};
  std::function<void(Snapshot)> take_;
};

}  // namespace peer
