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

milliseconds gap_of(const std::string& operation, const Tempo& tempo) {
  for (const auto& spacing : tempo.policy.spacings) {
    if (spacing.operation == operation) return spacing.gap * tempo.sharers;
  }
  return milliseconds{0};
}

std::map<std::string, milliseconds> effective_intervals(const std::vector<Target>& targets,
                                                        const Tempo& tempo) {
  std::map<std::string, milliseconds> result;
  std::map<std::string, std::int64_t> requests;
  for (const auto& target : targets) {
    requests[target.operation] += std::max<std::int64_t>(1, std::ssize(target.groups));
    const auto wanted = target.slow ? tempo.discovery_interval : tempo.interval;
    auto& interval = result[target.operation];
    interval = std::max({interval, wanted, tempo.policy.min_interval * tempo.sharers});
  }
  for (auto& [operation, interval] : result) {
    interval = std::max(interval, gap_of(operation, tempo) * requests[operation]);
  }
  return result;
}

// The same for the same slot of the same target, so that plans can be repeated. None where requests
// must keep a distance.
nanoseconds jitter(const Slot& slot, const std::string& key, std::int64_t number) {
  if (slot.gap.count() > 0) return nanoseconds{0};
  const auto hash = std::hash<std::string>{}(key + "#" + std::to_string(number));
  const double share = static_cast<double>(hash % 2001) / 1000.0 - 1.0;
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

void forget_gone(Pacing& pacing, const Schedule& schedule) {
  const std::set<std::string_view> keys(schedule.keys.begin(), schedule.keys.end());
  std::erase_if(pacing.targets, [&](const auto& entry) {
    return !keys.contains(entry.first) && !entry.second.in_flight;
  });
}

// First polls: one after another, and those of a spaced operation at its distance.
void admit_new(Pacing& pacing, const Schedule& schedule, Mono now) {
  Mono next = now;
  std::map<std::string_view, Mono> next_of;
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    if (pacing.targets.contains(schedule.keys[i])) continue;
    const Slot& slot = schedule.slots[i];
    Mono due = next;
    if (slot.gap.count() > 0) {
      auto& turn = next_of.try_emplace(schedule.targets[i].operation, now).first->second;
      due = std::max(next, turn);
      turn = due + slot.gap;
    }
    next += std::min<nanoseconds>(
        kFirstPollGap, slot.interval / static_cast<std::int64_t>(schedule.targets.size()));
    pacing.targets.emplace(schedule.keys[i], TargetPace{.due = due});
  }
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
  Schedule result{.intervals = effective_intervals(targets, tempo), .tempo = tempo};
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
  if (pacing.epoch == Mono{}) pacing.epoch = now;
  forget_gone(pacing, schedule);
  admit_new(pacing, schedule, now);

  std::size_t in_flight = 0;
  std::vector<std::pair<Mono, std::size_t>> waiting;
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    const auto& pace = pacing.targets.at(schedule.keys[i]);
    if (pace.in_flight) {
      ++in_flight;
      continue;
    }
    const auto paused = pacing.paused.find(schedule.targets[i].api);
    const Mono open = paused == pacing.paused.end() ? Mono{} : paused->second;
    waiting.emplace_back(std::max(pace.due, open), i);
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

Pacing finished(Pacing pacing, const Schedule& schedule, const Target& target, Mono now) {
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
  const nanoseconds least =
      std::max<nanoseconds>(schedule.tempo.policy.min_interval * schedule.tempo.sharers, slot.gap);
  pace.due = std::max(next_slot(slot, key, pacing.epoch, earliest), started + least);
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
    found->second.due = next_slot(schedule.slots[i], schedule.keys[i], pacing.epoch, until);
    found->second.in_slot = true;
  }
  return pacing;
}

}  // namespace serverless::daemon
