#include <algorithm>
#include <array>
#include <cmath>

#include "simulator/fleet.hpp"
#include "simulator/hash.hpp"
#include "simulator/life.hpp"

namespace simulator {
namespace {

using std::chrono::milliseconds;

constexpr Phase kWorking{"idle", 0, 0};
constexpr std::array kBooting{Phase{"creating", 14, 17}, Phase{"loading", 14, 19},
                              Phase{"model_loading", 14, 22}, kWorking, Phase{"", 12, 15}};
constexpr std::array kFailing{kWorking, Phase{"error", 14, 18}, Phase{"rebooting", 14, 18},
                              Phase{"model_loading", 14, 18}};
constexpr std::array kUpdating{kWorking, Phase{"update_ready", 16, 20},
                               Phase{"update_rebooting", 14, 17}, Phase{"update_starting", 14, 17},
                               Phase{"model_loading", 14, 17}};
constexpr std::array kCooling{kWorking, Phase{"stopping", 14, 17}, Phase{"stopped", 18, 24},
                              Phase{"starting", 14, 17}, Phase{"model_loading", 14, 17}};
constexpr std::array kLosing{
    Phase{"creating", 12, 14}, Phase{"loading", 12, 14}, kWorking,
    Phase{"offline", 14, 18},  Phase{"unavail", 14, 18}, Phase{"destroying", 12, 14}};
// No document knows "migrating"; no client may fall over it.
constexpr std::array kUnheardOf{kWorking, Phase{"migrating", 16, 22}};
constexpr std::array kOlderWord{Phase{"running", 0, 0}};
constexpr std::array kMixedCase{Phase{"Idle", 0, 0}, Phase{"Model_Loading", 14, 20}};
constexpr std::array kSteady{kWorking};
constexpr std::array kStopped{Phase{"stopped", 0, 0}};

// One life for each place, twelve different ones. Places 10 and 11 live steadily: their fault
// is elsewhere (a wedged slot, no instance).
constexpr std::array<Script, 12> kScripts{{{kSteady, 900, 2400, false},
                                           {kBooting, 115, 140, true},
                                           {kFailing, 100, 135, false},
                                           {kUpdating, 115, 140, false},
                                           {kCooling, 120, 140, false},
                                           {kLosing, 120, 140, true},
                                           {kUnheardOf, 100, 135, false},
                                           {kOlderWord, 900, 2400, false},
                                           {kMixedCase, 90, 120, false},
                                           {kBooting, 115, 140, true},
                                           {kSteady, 900, 2400, false},
                                           {kSteady, 900, 2400, false}}};
constexpr Script kSuspended{kStopped, 900, 2400, false};
constexpr std::size_t kWithoutKey = 7;
constexpr std::size_t kWedged = 10;
constexpr std::size_t kWithoutInstance = 11;

/// Which of the twelve a place is; a large fleet is mostly calm, a small one shows everything.
std::size_t role_of(const Endpoint& endpoint, std::size_t place) {
  if (place >= 24 && place % 10 != 0) return 0;
  return (place + endpoint.index * 3) % kScripts.size();
}

constexpr std::array<std::string_view, 4> kGpus{"RTX 4090", "RTX 3090", "H100 SXM", "L40S"};
constexpr std::array<double, 4> kSpeeds{2791.25, 1303.9, 7405.0, 3210.5};
constexpr std::array<double, 4> kDlperfs{105.87206734930771, 42.1, 310.4, 120.25};
constexpr std::array<double, 4> kPrices{0.8021, 0.2009, 2.4134, 0.9077};
// Instance strings can end in a newline on the wire.
constexpr std::array<std::string_view, 3> kPlaces{"California, United States", "Sweden, SE\n",
                                                  "Qu\xc3\xa9"
                                                  "bec, Canada"};

constexpr std::int64_t kFirstWorkerId = 35'000'000;
constexpr std::int64_t kIdsPerPlace = 1000;
constexpr std::int64_t kSlotMs = 15'000;

double rounded(double value) { return std::round(value * 100) / 100; }

bool starts_with_boot(const Script& script) { return script.phases.front().word == "creating"; }

/// Load of the 15 seconds that `slot` counts; 0 in an idle one.
double load_in(std::uint64_t key, std::int64_t slot) {
  const std::uint64_t hash = hash_of({key, 20, static_cast<std::uint64_t>(slot)});
  return fraction(hash) < 0.6 ? rounded(20 + 180 * fraction(mix(hash))) : 0;
}

}  // namespace

std::optional<VastWorker> Fleet::vast_worker(const Endpoint& endpoint, std::size_t place,
                                             Time now) const {
  const std::size_t ordinal = endpoint.first + place;
  const std::uint64_t worker_key = key(Api::vast, 3, ordinal);
  const std::size_t role = role_of(endpoint, place);
  const Script& script = is_suspended(endpoint) ? kSuspended : kScripts[role];
  const Moment moment = moment_at(worker_key, script, age(now));
  if (moment.word.empty()) return std::nullopt;

  VastWorker worker;
  worker.ordinal = ordinal;
  worker.place = place;
  const std::int64_t generation =
      script.new_id_each_life ? ((moment.cycle % kIdsPerPlace) + kIdsPerPlace) % kIdsPerPlace : 0;
  worker.id = kFirstWorkerId + static_cast<std::int64_t>(ordinal) * kIdsPerPlace + generation;
  worker.word = moment.word;
  worker.ready_ever = !starts_with_boot(script) || moment.in_life >= moment.working_from;

  const bool ready = (moment.working && !is_suspended(endpoint)) || moment.word == "update_ready";
  const std::int64_t slot = age(now).count() / kSlotMs;
  if (role != kWithoutKey) worker.reqs_working = 0;
  if (ready && role == kWedged) {
    worker.reqs_working = 1;
    worker.cur_load = 100;
    worker.cur_load_rolling_avg = 100;
  } else if (ready) {
    worker.cur_load = load_in(worker_key, slot);
    worker.new_load = rounded(worker.cur_load / 3);
    worker.cur_load_rolling_avg = rounded(
        (worker.cur_load + load_in(worker_key, slot - 1) + load_in(worker_key, slot - 2)) / 3);
    worker.cur_perf = rounded(worker.cur_load * 0.8);
    if (worker.reqs_working)
      worker.reqs_working = static_cast<int>(std::ceil(worker.cur_load / 70));
    worker.gpu_utilization_percent = worker.cur_load > 0 ? rounded(60 + worker.cur_load / 6) : 0;
  }

  const std::uint64_t kind = hash_of({worker_key, 21}) % kGpus.size();
  worker.gpu = kGpus[kind];
  worker.dlperf = kDlperfs[kind];
  const double luck = 0.9 + 0.2 * fraction(hash_of({worker_key, 22}));
  worker.measured_perf = worker.ready_ever ? rounded(kSpeeds[kind] * luck) : worker.dlperf;
  worker.price_usd_per_hour = std::round(kPrices[kind] * luck * 1e4) / 1e4;
  worker.reliability = std::round((0.9 + 0.1 * fraction(hash_of({worker_key, 23}))) * 1e4) / 1e4;
  worker.disk_usage_gb = rounded(15 + 20 * fraction(hash_of({worker_key, 24})));
  worker.geolocation = kPlaces[hash_of({worker_key, 25}) % kPlaces.size()];
  worker.has_instance = role != kWithoutInstance;

  const Time life_began = now - moment.in_life;
  worker.started_at = epoch_seconds(life_began);
  if (worker.ready_ever) worker.loaded_at = epoch_seconds(life_began + moment.working_from);
  return worker;
}

Endpoint Fleet::vast_owner(std::size_t ordinal) const {
  if (!is_demo()) return endpoint(Api::vast, ordinal / shape_.workers);
  std::size_t index = 0;
  Endpoint owner = endpoint(Api::vast, index);
  while (ordinal >= owner.first + owner.workers) owner = endpoint(Api::vast, ++index);
  return owner;
}

std::optional<VastWorker> View::vast(const Endpoint& endpoint, std::size_t place) const {
  auto worker = fleet->vast_worker(endpoint, place, now);
  if (!worker || (controls->removed_workers.empty() && controls->statuses.empty())) return worker;
  const std::string id = std::to_string(worker->id);
  if (controls->removed_workers.contains(id)) return std::nullopt;
  const auto chosen = controls->statuses.find(id);
  if (chosen != controls->statuses.end()) worker->word = chosen->second;
  return worker;
}

}  // namespace simulator
