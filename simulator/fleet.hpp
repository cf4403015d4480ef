#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "simulator/text.hpp"

namespace simulator {

/// A fleet of each of the four; RunPod's two APIs have their own endpoints and share the queue.
enum class Api { runpod, runpod_v1, vast, den };

/// What decides the fleet beside the time it is asked at.
struct Shape {
  std::uint64_t seed = 1;
  /// Counters and life cycles begin here; the simulator takes an hour before its start.
  Time born{};
  std::size_t endpoints = 0;  ///< Of each of RunPod v2, v1 and Vast.ai; 0: the demo fleet.
  std::size_t workers = 0;    ///< Of each endpoint; unused in the demo fleet.
};

struct Endpoint {
  Api api = Api::runpod;
  std::size_t index = 0;    ///< Within its API.
  std::size_t workers = 0;  ///< Places for workers; some are empty at any time.
  std::size_t first = 0;    ///< Ordinal, within the API, of its first worker.
  std::string id{};
  std::string name{};

  bool operator==(const Endpoint&) const = default;
};

/// What a test has changed by hand.
struct Controls {
  std::map<std::string, Time, std::less<>> removed_endpoints{};  ///< And when.
  std::set<std::string, std::less<>> removed_workers{};
  std::map<std::string, std::string, std::less<>> statuses{};  ///< Worker id to native word.
};

/// A worker of either RunPod API.
struct RunpodWorker {
  std::string id{};
  /// RUNNING, IDLE, INITIALIZING, THROTTLED, UNHEALTHY, EXITED, TERMINATED or an unknown word.
  std::string word{};
  std::size_t place = 0;  ///< Index within its endpoint; decides which optional fields it has.
  bool placed = false;    ///< Has a machine, hence a GPU type and a data centre.
  bool up = false;        ///< Has started: has an uptime.
  bool stale = false;
  int version = 0;
  Time started{};
  std::int64_t uptime_s = 0;
  std::string_view gpu{};
  std::string_view data_center{};
  double price_usd_per_hour = 0;
};

/// How many workers of an endpoint say which word.
struct Buckets {
  std::size_t running = 0;
  std::size_t idle = 0;
  std::size_t initializing = 0;
  std::size_t throttled = 0;
  std::size_t unhealthy = 0;
  std::size_t other = 0;  ///< EXITED and words outside RunPod's enum; /health has none for them.

  /// Counts one worker.
  void add(std::string_view word);
  bool operator==(const Buckets&) const = default;
};

/// The jobs of one RunPod endpoint. The first three never fall.
struct Jobs {
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t retried = 0;
  std::int64_t in_progress = 0;
  std::int64_t in_queue = 0;

  bool operator==(const Jobs&) const = default;
};

struct VastWorker {
  std::int64_t id = 0;      ///< Also the instance's.
  std::size_t ordinal = 0;  ///< Within the account.
  std::size_t place = 0;    ///< Index within its endpoint.
  std::string word{};
  std::optional<int> reqs_working{};  ///< Empty: the key is absent.
  double cur_load = 0;
  double new_load = 0;
  double cur_load_rolling_avg = 0;
  double cur_perf = 0;
  double measured_perf = 0;  ///< Equals dlperf until it was benchmarked.
  double dlperf = 0;
  double reliability = 0;
  double disk_usage_gb = 0;
  std::optional<double> loaded_at{};  ///< Empty: absent or 0 on the wire, as the place decides.
  double started_at = 0;
  bool ready_ever = false;
  std::string_view gpu{};
  bool has_instance = true;
  double price_usd_per_hour = 0;
  double gpu_utilization_percent = 0;
  std::string_view geolocation{};
};

struct DenWorker {
  std::string id{};
  std::string name{};
  std::string status{};
  bool local = false;
  std::optional<Time> heartbeat{};  ///< By the worker's own clock.
  std::optional<Time> active{};     ///< By the worker's own clock.
  Time created{};
  Time updated{};
  bool has_instance = false;
};

/// The fleet: pure functions of (shape, time). Nothing ticks, nothing is stored per worker.
/// A worker that does not exist at a time is empty there.
class Fleet {
 public:
  explicit Fleet(Shape shape);

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::size_t endpoint_count(Api api) const;
  [[nodiscard]] Endpoint endpoint(Api api, std::size_t index) const;
  [[nodiscard]] std::optional<Endpoint> find(Api api, std::string_view id) const;
  /// Places for workers of the whole API.
  [[nodiscard]] std::size_t worker_count(Api api) const;

  [[nodiscard]] std::optional<RunpodWorker> runpod_worker(const Endpoint& endpoint,
                                                          std::size_t place, Time now) const;
  [[nodiscard]] int version(const Endpoint& endpoint, Time now) const;
  [[nodiscard]] Jobs jobs(const Endpoint& endpoint, const Buckets& buckets, Time now) const;
  /// The v2 list has lost its view of the queue: every live worker is RUNNING there.
  [[nodiscard]] bool is_degraded(const Endpoint& endpoint, Time now) const;
  /// The list and /health count differently.
  [[nodiscard]] bool views_disagree(const Endpoint& endpoint, Time now) const;

  [[nodiscard]] std::optional<VastWorker> vast_worker(const Endpoint& endpoint, std::size_t place,
                                                      Time now) const;
  /// The endpoint that holds the worker with this ordinal, which must exist.
  [[nodiscard]] Endpoint vast_owner(std::size_t ordinal) const;
  [[nodiscard]] bool is_suspended(const Endpoint& endpoint) const;
  [[nodiscard]] std::size_t group_count(const Endpoint& endpoint) const;
  [[nodiscard]] std::int64_t group_id(const Endpoint& endpoint, std::size_t group) const;
  /// The endpoint of the worker group with this id, and which of its groups that is.
  [[nodiscard]] std::optional<std::pair<Endpoint, std::size_t>> find_group(
      std::string_view id) const;

  /// Newest first: ordinal 0 has the latest `created`.
  [[nodiscard]] DenWorker den_worker(std::size_t ordinal, Time now) const;

  /// A number that belongs to one worker or endpoint for ever.
  [[nodiscard]] std::uint64_t key(Api api, std::uint64_t kind, std::uint64_t number) const;
  [[nodiscard]] std::chrono::milliseconds age(Time now) const { return now - shape_.born; }

 private:
  [[nodiscard]] bool is_demo() const { return shape_.endpoints == 0; }

  Shape shape_{};
};

/// One look at the world: a fleet at one time with what was changed by hand. Bodies are pure
/// functions of it.
struct View {
  const Fleet* fleet = nullptr;
  std::shared_ptr<const Controls> controls{};
  Time now{};

  [[nodiscard]] bool knows(const Endpoint& endpoint) const;
  /// Endpoints as discovery lists them, in order.
  template <class Visit>
  void each_endpoint(Api api, Visit&& visit) const {
    for (std::size_t i = 0; i < fleet->endpoint_count(api); ++i) {
      const Endpoint endpoint = fleet->endpoint(api, i);
      if (knows(endpoint)) visit(endpoint);
    }
  }
  /// The endpoint unless it was removed.
  [[nodiscard]] std::optional<Endpoint> find(Api api, std::string_view id) const;

  [[nodiscard]] std::optional<RunpodWorker> runpod(const Endpoint& endpoint,
                                                   std::size_t place) const;
  [[nodiscard]] std::optional<VastWorker> vast(const Endpoint& endpoint, std::size_t place) const;
  [[nodiscard]] std::optional<DenWorker> den(std::size_t ordinal) const;
  /// What the v2 list says, or for v1 what the workers really do.
  [[nodiscard]] Buckets buckets(const Endpoint& endpoint) const;
  /// What /health says: the buckets, but for the plants.
  [[nodiscard]] Buckets health(const Endpoint& endpoint) const;
  [[nodiscard]] Jobs jobs(const Endpoint& endpoint) const;
};

}  // namespace simulator
