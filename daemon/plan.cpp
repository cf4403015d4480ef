#include "daemon/plan.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kMaxAgeFloor{90};
// First polls follow one another this closely, so that the page fills soon, without a burst.
constexpr milliseconds kFirstPollGap{100};
constexpr double kJitterShare = 0.05;
constexpr nanoseconds kMaxJitter = seconds{2};
constexpr nanoseconds kMaxBackoff = std::chrono::minutes{5};
constexpr int kMaxDoublings = 3;
// Of the room that a quota has now, first polls take this share at once.
constexpr double kBurstShare = 0.5;

milliseconds gap_of(const std::string& operation, const Tempo& tempo) {
  for (const auto& spacing : tempo.policy.spacings) {
    if (spacing.operation == operation) return spacing.gap * tempo.sharers;
  }
  return milliseconds{0};
}

// All that is polled by one operation.
struct Operation {
  std::string api{};
  milliseconds interval{0};   // As configured, but not less than the provider's least one.
  std::int64_t requests = 0;  // In one interval.
};

std::map<std::string, Operation> operations(const std::vector<Target>& targets,
                                            const Tempo& tempo) {
  std::map<std::string, Operation> result;
  for (const auto& target : targets) {
    auto& operation = result[target.operation];
    operation.api = target.api;
    operation.requests += std::max<std::int64_t>(1, std::ssize(target.groups));
    const auto wanted = target.slow ? tempo.discovery_interval : tempo.interval;
    operation.interval =
        std::max({operation.interval, wanted, tempo.policy.min_interval * tempo.sharers});
  }
  return result;
}

void set_intervals(Schedule& schedule, const std::vector<Target>& targets) {
  const auto& tempo = schedule.tempo;
  const auto all = operations(targets, tempo);
  for (const auto& [name, operation] : all) {
    schedule.demand[operation.api] += static_cast<double>(operation.requests) /
                                      std::chrono::duration<double>(operation.interval).count();
  }
  for (const auto& [api, demand] : schedule.demand) {
    const auto allowance = tempo.allowances.find(api);
    const double rate = allowance == tempo.allowances.end() ? 0 : allowance->second.rate;
    schedule.stretch[api] = rate > 0 ? std::max(1.0, demand / rate) : 1.0;
  }
  for (const auto& [name, operation] : all) {
    const auto stretched =
        std::chrono::ceil<milliseconds>(operation.interval * schedule.stretch[operation.api]);
    schedule.intervals[name] = std::max(stretched, gap_of(name, tempo) * operation.requests);
  }
}

double random_share(const std::string& seed) {
  return static_cast<double>(std::hash<std::string>{}(seed) % 10001) / 10000.0;
}

// The same for the same slot of the same target, so that plans can be repeated. None where requests
// must keep a distance.
nanoseconds jitter(const Slot& slot, const std::string& key, std::int64_t number) {
  if (slot.gap.count() > 0) return nanoseconds{0};
  const double share = 2 * random_share(key + "#" + std::to_string(number)) - 1;
  const double reach = std::min(static_cast<double>(slot.interval.count()) * kJitterShare,
                                static_cast<double>(kMaxJitter.count()));
  return nanoseconds{static_cast<std::int64_t>(share * reach)};
}

// The target's first slot at or after `earliest`.
Mono next_slot(const Slot& slot, const std::string& key, Mono epoch, Mono earliest) {
  const auto since = (earliest - epoch) - slot.phase;
  auto number = since / slot.interval;
  if (since % slot.interval > nanoseconds{0}) ++number;
  const Mono at = epoch + slot.phase + number * slot.interval;
  return std::max(earliest, at + jitter(slot, key, number));
}

// Between two polls of one target, whatever the slots say.
nanoseconds least_gap(const Schedule& schedule, std::size_t index) {
  return std::max<nanoseconds>(schedule.tempo.policy.min_interval * schedule.tempo.sharers,
                               schedule.slots[index].gap);
}

void forget_gone(Pacing& pacing, const Schedule& schedule) {
  if (pacing.targets.size() <= schedule.keys.size()) return;
  const std::set<std::string_view> keys(schedule.keys.begin(), schedule.keys.end());
  std::erase_if(pacing.targets, [&](const auto& entry) {
    return !keys.contains(entry.first) && !entry.second.in_flight;
  });
}

// First polls: one after another, those of a spaced operation at its distance, and no more at once
// than the quota has room for.
class Admission {
 public:
  Admission(const Schedule& schedule, Mono now) : schedule_(schedule), now_(now), next_(now) {}

  Mono next(std::size_t index) {
    const auto& target = schedule_.targets[index];
    const Slot& slot = schedule_.slots[index];
    Mono due = next_;
    if (slot.gap.count() > 0) due = take_turn(operations_[target.operation], slot.gap, due);
    const auto allowance = schedule_.tempo.allowances.find(target.api);
    if (allowance != schedule_.tempo.allowances.end() && allowance->second.rate > 0) {
      const bool at_once = at_once_[target.api]++ < allowance->second.burst * kBurstShare;
      const auto gap = at_once
                           ? nanoseconds{0}
                           : nanoseconds{static_cast<std::int64_t>(1e9 / allowance->second.rate)};
      due = take_turn(apis_[target.api], gap, due);
    }
    next_ += std::min<nanoseconds>(
        kFirstPollGap, slot.interval / static_cast<std::int64_t>(schedule_.targets.size()));
    return due;
  }

 private:
  Mono take_turn(std::optional<Mono>& turn, nanoseconds gap, Mono due) const {
    due = std::max(due, turn.value_or(now_));
    turn = due + gap;
    return due;
  }

  const Schedule& schedule_;
  Mono now_;
  Mono next_;
  std::map<std::string_view, std::optional<Mono>> operations_{};
  std::map<std::string_view, std::optional<Mono>> apis_{};
  std::map<std::string_view, double> at_once_{};
};

void admit_new(Pacing& pacing, const Schedule& schedule, Mono now) {
  Admission admission(schedule, now);
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    pacing.epochs.try_emplace(schedule.targets[i].operation, now);
    if (pacing.targets.contains(schedule.keys[i])) continue;
    pacing.targets.emplace(schedule.keys[i], TargetPace{.due = admission.next(i)});
  }
}

// The random part of the wait after failures, beyond the interval. After the first there is none:
// the data must not expire for one hiccup.
nanoseconds backoff(const Slot& slot, const std::string& key, const TargetPace& pace) {
  if (pace.failures < 2) return nanoseconds{0};
  const auto longest = std::min(slot.interval * (1L << std::min(pace.failures - 1, kMaxDoublings)),
                                std::max(kMaxBackoff, slot.interval));
  const auto seed =
      key + "!" + std::to_string(pace.started.value_or(Mono{}).time_since_epoch().count());
  return nanoseconds{
      static_cast<std::int64_t>(random_share(seed) * static_cast<double>(longest.count()))};
}

}  // namespace

Tempo tempo_of(const config::Account& account, const Provider& provider, std::uint32_t sharers) {
  return {.interval = account.poll.interval,
          .discovery_interval = account.poll.discovery_interval,
          .max_age = account.poll.max_age,
          .max_in_flight = account.poll.max_in_flight,
          .policy = provider.policy,
          .sharers = sharers};
}

std::string key_of(const Target& target) { return target.operation + "/" + target.endpoint_id; }

std::optional<std::size_t> Schedule::find(const Target& target) const {
  const auto at = std::find(keys.begin(), keys.end(), key_of(target));
  if (at == keys.end()) return std::nullopt;
  return static_cast<std::size_t>(at - keys.begin());
}

Schedule schedule(std::vector<Target> targets, const Tempo& tempo) {
  Schedule result{.tempo = tempo};
  set_intervals(result, targets);
  std::map<std::string, std::int64_t> sizes;
  for (const auto& target : targets) ++sizes[target.operation];
  std::map<std::string, std::int64_t> seen;
  for (const auto& target : targets) {
    const nanoseconds interval = result.intervals.at(target.operation);
    const auto step = interval / sizes[target.operation];
    const auto order = std::distance(sizes.begin(), sizes.find(target.operation));
    const auto shift = step * order / std::ssize(sizes);
    result.keys.push_back(key_of(target));
    result.slots.push_back({.interval = interval,
                            .phase = step * seen[target.operation]++ + shift,
                            .gap = gap_of(target.operation, tempo)});
  }
  result.targets = std::move(targets);
  return result;
}

milliseconds max_age(milliseconds interval, const Tempo& tempo) {
  if (!tempo.max_age) return std::max<milliseconds>(kMaxAgeFloor, interval * 3);
  return std::max(*tempo.max_age, interval * 2);
}

Plan plan(Pacing pacing, const Schedule& schedule, Mono now) {
  Plan result;
  forget_gone(pacing, schedule);
  admit_new(pacing, schedule, now);

  std::size_t in_flight = 0;
  std::vector<std::pair<Mono, std::size_t>> waiting;
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    auto& pace = pacing.targets.at(schedule.keys[i]);
    if (pace.in_flight) {
      ++in_flight;
      continue;
    }
    const auto paused = pacing.paused.find(schedule.targets[i].api);
    if (paused != pacing.paused.end() && pace.due < paused->second) {
      // New since the pause began, or under way then: its end must not start them all at once.
      pace.due = next_slot(schedule.slots[i], schedule.keys[i],
                           pacing.epochs.at(schedule.targets[i].operation), paused->second);
      pace.in_slot = true;
    }
    waiting.emplace_back(pace.due, i);
  }
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [due, i] : waiting) {
    if (due > now) {
      result.wake = due;
      break;
    }
    if (in_flight >= schedule.tempo.max_in_flight) break;  // The end of a poll wakes us.
    auto& pace = pacing.targets.at(schedule.keys[i]);
    pace.in_flight = true;
    pace.started = now;
    ++in_flight;
    result.start.push_back(i);
  }
  result.next = std::move(pacing);
  return result;
}

Pacing resume(Pacing pacing, const Schedule& schedule, Mono now) {
  for (std::size_t i = 0; i < schedule.keys.size(); ++i) {
    const auto found = pacing.targets.find(schedule.keys[i]);
    if (found == pacing.targets.end()) continue;
    auto& pace = found->second;
    pace.in_flight = false;
    pace.due = std::min(pace.due, now + schedule.slots[i].interval);
    if (pace.started) pace.due = std::max(pace.due, *pace.started + least_gap(schedule, i));
  }
  std::erase_if(pacing.targets, [](const auto& entry) { return entry.second.in_flight; });
  return pacing;
}

Pacing finished(Pacing pacing, const Schedule& schedule, const Target& target, Mono now,
                bool failed) {
  const auto found = pacing.targets.find(key_of(target));
  if (found == pacing.targets.end()) return pacing;
  const auto at = schedule.find(target);
  if (!at) {
    pacing.targets.erase(found);
    return pacing;
  }
  auto& [key, pace] = *found;
  const Slot& slot = schedule.slots[*at];
  const Mono started = pace.started.value_or(now);
  // Half an interval after a slot the next one is due; the first poll stood in no slot.
  const Mono earliest = pace.in_slot ? std::max(now, started + slot.interval / 2) : now;
  pace.failures = failed ? pace.failures + 1 : 0;
  const Mono epoch = pacing.epochs.try_emplace(target.operation, now).first->second;
  pace.due = std::max(next_slot(slot, key, epoch, earliest + backoff(slot, key, pace)),
                      started + least_gap(schedule, *at));
  pace.in_slot = true;
  pace.in_flight = false;
  return pacing;
}

Pacing pause(Pacing pacing, const Schedule& schedule, const std::string& api, Mono until) {
  auto& paused = pacing.paused[api];
  paused = std::max(paused, until);
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    if (schedule.targets[i].api != api) continue;
    const auto found = pacing.targets.find(schedule.keys[i]);
    if (found == pacing.targets.end() || found->second.due >= until) continue;
    const Mono epoch =
        pacing.epochs.try_emplace(schedule.targets[i].operation, until).first->second;
    found->second.due = next_slot(schedule.slots[i], schedule.keys[i], epoch, until);
    found->second.in_slot = true;
  }
  return pacing;
}

Pacing rescale(Pacing pacing, const Schedule& before, const Schedule& after, Mono now) {
  const auto scaled = [now](Mono moment, double factor) {
    return now + nanoseconds{static_cast<std::int64_t>(static_cast<double>((moment - now).count()) *
                                                       factor)};
  };
  const auto factor_of = [&](const std::string& operation) {
    const auto one = before.intervals.find(operation);
    const auto other = after.intervals.find(operation);
    if (one == before.intervals.end() || other == after.intervals.end()) return 1.0;
    return static_cast<double>(other->second.count()) / static_cast<double>(one->second.count());
  };
  for (auto& [operation, epoch] : pacing.epochs) epoch = scaled(epoch, factor_of(operation));
  for (std::size_t i = 0; i < after.targets.size(); ++i) {
    const auto found = pacing.targets.find(after.keys[i]);
    if (found == pacing.targets.end() || found->second.due <= now) continue;
    auto& pace = found->second;
    pace.due = scaled(pace.due, factor_of(after.targets[i].operation));
    if (pace.started) pace.due = std::max(pace.due, *pace.started + least_gap(after, i));
  }
  return pacing;
}

}  // namespace serverless::daemon
