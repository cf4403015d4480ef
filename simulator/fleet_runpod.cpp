#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "simulator/fleet.hpp"
#include "simulator/hash.hpp"
#include "simulator/life.hpp"

namespace simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The working phase's word is decided by the worker's jobs.
constexpr Phase kWorking{"RUNNING", 0, 0};
constexpr std::array kSteady{Phase{"", 10, 30}, Phase{"INITIALIZING", 20, 40}, kWorking};
constexpr std::array kCrashing{Phase{"", 7, 11}, Phase{"THROTTLED", 8, 14},
                               Phase{"INITIALIZING", 14, 24}, kWorking, Phase{"UNHEALTHY", 10, 18}};
constexpr std::array kDraining{Phase{"", 8, 12}, Phase{"INITIALIZING", 12, 20}, kWorking,
                               Phase{"EXITED", 10, 18}};
// No document knows DRAINING; no client may fall over it.
constexpr std::array kUnheardOf{Phase{"", 8, 12}, Phase{"INITIALIZING", 12, 20}, kWorking,
                                Phase{"DRAINING", 10, 16}};
constexpr std::array kTerminating{Phase{"", 8, 12}, Phase{"INITIALIZING", 12, 20}, kWorking,
                                  Phase{"EXITED", 10, 14}, Phase{"TERMINATED", 8, 12}};
// Never alone without a row: the one active worker of an endpoint walks through every bucket.
constexpr std::array kSingle{Phase{"THROTTLED", 10, 14}, Phase{"INITIALIZING", 14, 22}, kWorking,
                             Phase{"UNHEALTHY", 10, 16}};

constexpr Script kSteadyScript{kSteady, 600, 1800, false};
constexpr Script kCrashingScript{kCrashing, 110, 135, true};
constexpr Script kDrainingScript{kDraining, 100, 135, false};
constexpr Script kUnheardOfScript{kUnheardOf, 100, 135, false};
constexpr Script kTerminatingScript{kTerminating, 100, 135, true};
constexpr Script kSingleScript{kSingle, 100, 120, false};

const Script& script_of(const Endpoint& endpoint, std::size_t place) {
  if (endpoint.workers == 1 && endpoint.api == Api::runpod_v1) return kSingleScript;
  // A large fleet is mostly calm; a small one shows everything.
  if (place >= 24 && place % 10 != 0) return kSteadyScript;
  switch (place % 6) {
    case 1:
      return kCrashingScript;
    case 2:
      return kDrainingScript;
    case 5:
      return endpoint.api == Api::runpod && endpoint.index == 0 && place == 5 ? kUnheardOfScript
                                                                              : kSteadyScript;
    case 4:
      return endpoint.api == Api::runpod_v1 ? kTerminatingScript : kSteadyScript;
    default:
      return kSteadyScript;
  }
}

bool is_busy(std::uint64_t key, const Moment& moment, bool alternating) {
  const std::int64_t slot_ms = between(hash_of({key, 10}), 8'000, alternating ? 12'000 : 20'000);
  const auto slot =
      static_cast<std::uint64_t>((moment.in_life - moment.working_from).count() / slot_ms);
  if (alternating) return slot % 2 == 1;
  return fraction(hash_of({key, 11, static_cast<std::uint64_t>(moment.cycle), slot})) < 0.55;
}

constexpr std::array<std::string_view, 5> kGpus{"NVIDIA GeForce RTX 4090", "NVIDIA L4",
                                                "NVIDIA H100 80GB HBM3", "NVIDIA A40",
                                                "NVIDIA  RTX A4500"};
constexpr std::array<double, 5> kPrices{0.74, 0.43, 2.99, 0.39, 0.34};
constexpr std::array<std::string_view, 4> kDataCenters{"US-KS-2", "EU-RO-1", "EU-SE-1", "US-NC-1"};

constexpr milliseconds kVersionLife = std::chrono::minutes{4};

/// Time since the last roll-over; endpoints take turns.
milliseconds since_rollover(const Endpoint& endpoint, milliseconds age) {
  const milliseconds shifted =
      age + (kVersionLife / 4) * static_cast<std::int64_t>(endpoint.index % 4);
  return ((shifted % kVersionLife) + kVersionLife) % kVersionLife;
}

/// Versions of an endpoint that counts as legacy stay 1: isStale goes by the image there.
bool is_legacy(const Endpoint& endpoint) {
  return endpoint.api == Api::runpod && endpoint.index % 4 == 2;
}

bool is_within(milliseconds age, milliseconds period, milliseconds length) {
  return ((age % period) + period) % period < length;
}

}  // namespace

void Buckets::add(std::string_view word) {
  ++(word == "RUNNING"        ? running
     : word == "IDLE"         ? idle
     : word == "INITIALIZING" ? initializing
     : word == "THROTTLED"    ? throttled
     : word == "UNHEALTHY"    ? unhealthy
                              : other);
}

int Fleet::version(const Endpoint& endpoint, Time now) const {
  if (is_legacy(endpoint)) return 1;
  const milliseconds rolled = age(now) - since_rollover(endpoint, age(now));
  const auto turns =
      (rolled + kVersionLife / 4 * static_cast<std::int64_t>(endpoint.index % 4)) / kVersionLife;
  return static_cast<int>(std::max<std::int64_t>(turns + 3, 0));
}

bool Fleet::is_degraded(const Endpoint& endpoint, Time now) const {
  return endpoint.api == Api::runpod && endpoint.index == 2 &&
         is_within(age(now), seconds{180}, seconds{110});
}

bool Fleet::views_disagree(const Endpoint& endpoint, Time now) const {
  return endpoint.api == Api::runpod && endpoint.index == 1 &&
         is_within(age(now), seconds{200}, seconds{130});
}

std::optional<RunpodWorker> Fleet::runpod_worker(const Endpoint& endpoint, std::size_t place,
                                                 Time now) const {
  const std::uint64_t worker_key = key(endpoint.api, 3, endpoint.first + place);
  const Script& script = script_of(endpoint, place);
  const Moment moment = moment_at(worker_key, script, age(now));
  if (moment.word.empty()) return std::nullopt;

  RunpodWorker worker;
  worker.place = place;
  worker.word = moment.word;
  if (moment.working && !is_busy(worker_key, moment, &script == &kSingleScript)) {
    worker.word = "IDLE";
  }
  if (is_degraded(endpoint, now) && (worker.word == "IDLE" || worker.word == "UNHEALTHY")) {
    worker.word = "RUNNING";
  }
  const auto generation =
      script.new_id_each_life ? static_cast<std::uint64_t>(moment.cycle) : std::uint64_t{0};
  const std::uint64_t id_hash = hash_of({worker_key, 12, generation});
  worker.id = fmt::format("{:08x}{:06x}", id_hash >> 32U, (endpoint.first + place) & 0xffffffU);

  worker.up = moment.in_life >= moment.working_from;
  worker.placed = worker.up || (worker.word == "INITIALIZING" && place % 2 == 0);
  worker.started = now - moment.in_life + std::min(moment.working_from, moment.in_life) / 2;
  worker.uptime_s = std::max<std::int64_t>(
      0, std::chrono::duration_cast<seconds>(moment.in_life - moment.working_from).count());
  const std::uint64_t kind = hash_of({worker_key, 13}) % kGpus.size();
  worker.gpu = kGpus[kind];
  worker.price_usd_per_hour = kPrices[kind];
  worker.data_center = kDataCenters[hash_of({worker_key, 14}) % kDataCenters.size()];

  const milliseconds rolled = since_rollover(endpoint, age(now));
  const auto turn = static_cast<std::uint64_t>((age(now) - rolled).count());
  const milliseconds takes{between(hash_of({worker_key, 15, turn}), 10'000, 70'000)};
  worker.stale = rolled < takes && moment.in_life > rolled;
  worker.version = version(endpoint, now) - (worker.stale && !is_legacy(endpoint) ? 1 : 0);
  return worker;
}

Jobs Fleet::jobs(const Endpoint& endpoint, const Buckets& buckets, Time now) const {
  const std::uint64_t endpoint_key = key(endpoint.api, 4, endpoint.index);
  if (endpoint.workers == 0) return {.completed = 31, .failed = 1, .retried = 1};
  const double elapsed = std::chrono::duration<double>(age(now)).count();
  const double rate = (0.05 + 0.1 * fraction(endpoint_key)) * static_cast<double>(endpoint.workers);
  // The wave's slope stays below the line's, so the sum never falls.
  constexpr double kWave = 300;
  const double wave =
      0.8 * kWave / (2 * std::numbers::pi) * std::sin(2 * std::numbers::pi * elapsed / kWave);
  const double completed = std::max(0.0, rate * (elapsed + wave));
  const double failing = 0.01 + 0.03 * fraction(hash_of({endpoint_key, 1}));
  Jobs jobs;
  jobs.completed = static_cast<std::int64_t>(completed);
  jobs.failed = static_cast<std::int64_t>(completed * failing);
  jobs.retried = static_cast<std::int64_t>(completed * failing * 0.6);
  jobs.in_progress = is_degraded(endpoint, now) ? 0 : static_cast<std::int64_t>(buckets.running);
  const auto slot = static_cast<std::uint64_t>(elapsed / 15);
  jobs.in_queue =
      between(hash_of({endpoint_key, 2, slot}), 0, static_cast<std::int64_t>(endpoint.workers));
  return jobs;
}

std::optional<RunpodWorker> View::runpod(const Endpoint& endpoint, std::size_t place) const {
  auto worker = fleet->runpod_worker(endpoint, place, now);
  if (!worker) return std::nullopt;
  if (!controls->removed_workers.empty() && controls->removed_workers.contains(worker->id)) {
    return std::nullopt;
  }
  if (!controls->statuses.empty()) {
    const auto chosen = controls->statuses.find(worker->id);
    if (chosen != controls->statuses.end()) worker->word = chosen->second;
  }
  // v2 never lists what was terminated; v1 keeps the row for a while.
  if (endpoint.api == Api::runpod && worker->word == "TERMINATED") return std::nullopt;
  return worker;
}

Buckets View::buckets(const Endpoint& endpoint) const {
  Buckets count;
  for (std::size_t place = 0; place < endpoint.workers; ++place) {
    if (const auto worker = runpod(endpoint, place)) count.add(worker->word);
  }
  return count;
}

Buckets View::health(const Endpoint& endpoint) const {
  Buckets count = buckets(endpoint);
  if (fleet->is_degraded(endpoint, now)) {
    count.idle += count.running;
    count.running = 0;
  }
  if (fleet->views_disagree(endpoint, now)) {
    // As seen live: either view counts workers that the other sees elsewhere or not at all.
    const std::size_t moved = std::min<std::size_t>(count.idle, 1);
    count.idle -= moved;
    count.running += moved;
    count.initializing += 2;
  }
  return count;
}

Jobs View::jobs(const Endpoint& endpoint) const {
  return fleet->jobs(endpoint, buckets(endpoint), now);
}

}  // namespace simulator
