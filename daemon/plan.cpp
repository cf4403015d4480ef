#include "daemon/plan.hpp"

#include <algorithm>
#include <cmath>
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
// A quota that asks for longer intervals is absurd, as is such a wait; and no clock counts so far.
constexpr milliseconds kLongestInterval = std::chrono::days{7};
// Where requests keep a distance, each but the first has this share more room than it needs: one
// that goes out late holds up those behind it, and they catch up.
constexpr double kGapSlack = 0.05;
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
    operation.requests += requests_of(target, tempo);
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
    const auto requests = static_cast<double>(operation.requests);
    schedule.round[operation.api] += requests;
    schedule.demand[operation.api] +=
        requests / std::chrono::duration<double>(operation.interval).count();
  }
  for (const auto& [api, demand] : schedule.demand) {
    const auto allowance = tempo.allowances.find(api);
    const double rate = allowance == tempo.allowances.end() ? 0 : allowance->second.rate;
    schedule.stretch[api] = rate > 0 ? std::max(1.0, demand / rate) : 1.0;
  }
  for (const auto& [name, operation] : all) {
    const auto requests = static_cast<double>(operation.requests);
    const std::chrono::duration<double, std::milli> wanted =
        operation.interval * schedule.stretch[operation.api];
    const auto longest = std::max(operation.interval, kLongestInterval);
    const auto stretched = wanted < longest ? std::chrono::ceil<milliseconds>(wanted) : longest;
    const std::chrono::duration<double, std::milli> spaced =
        gap_of(name, tempo) * (requests + kGapSlack * (requests - 1));
    schedule.intervals[name] = std::max(stretched, std::chrono::ceil<milliseconds>(spaced));
  }
}

double random_share(const std::string& seed) {
  return static_cast<double>(std::hash<std::string>{}(seed) % 10001) / 10000.0;
}

nanoseconds jitter_reach(const Slot& slot) {
  return std::min(nanoseconds{static_cast<std::int64_t>(static_cast<double>(slot.interval.count()) *
                                                        kJitterShare)},
                  kMaxJitter);
}

double offset_of(Mono epoch, std::int64_t round) {
  return 2 * random_share(std::to_string(epoch.time_since_epoch().count()) + "#" +
                          std::to_string(round)) -
         1;
}

// Of a round as a whole, and between two rounds it changes smoothly: who stand side by side stay
// so, and nothing crowds. The same for the same slot, so that plans can be repeated. None where
// requests must keep a distance.
nanoseconds jitter(const Slot& slot, Mono epoch, std::int64_t round) {
  if (slot.gap.count() > 0) return nanoseconds{0};
  const double into =
      static_cast<double>(slot.phase.count()) / static_cast<double>(slot.interval.count());
  const double share = std::lerp(offset_of(epoch, round), offset_of(epoch, round + 1), into);
  return nanoseconds{
      static_cast<std::int64_t>(share * static_cast<double>(jitter_reach(slot).count()))};
}

// The slot's first turn at or after `earliest`.
Mono next_slot(const Slot& slot, Mono epoch, Mono earliest) {
  const auto since = (earliest - epoch) - slot.phase;
  auto round = since / slot.interval;
  if (since % slot.interval > nanoseconds{0}) ++round;
  const Mono at = epoch + slot.phase + round * slot.interval;
  return std::max(earliest, at + jitter(slot, epoch, round));
}

// Is that moment, but for the jitter, one of the target's slots? One of another schedule is not.
bool is_slot(const Pacing& pacing, const Schedule& schedule, std::size_t index, Mono moment) {
  const Slot& slot = schedule.slots[index];
  const auto epoch = pacing.epochs.find(schedule.targets[index].operation);
  if (epoch == pacing.epochs.end()) return false;
  const auto since = std::chrono::abs((moment - epoch->second - slot.phase) % slot.interval);
  return std::min(since, slot.interval - since) <= jitter_reach(slot);
}

// Between two polls of one target, whatever the slots say.
nanoseconds least_gap(const Schedule& schedule, std::size_t index) {
  return std::max<nanoseconds>(schedule.tempo.policy.min_interval * schedule.tempo.sharers,
                               schedule.slots[index].gap);
}

// Both are in the order of their keys: one pass finds which target is which.
void find_positions(Pacing& pacing, const Schedule& schedule) {
  if (pacing.known_by == schedule.positions) return;
  pacing.known_by = schedule.positions;
  auto position = schedule.positions->begin();
  const auto end = schedule.positions->end();
  for (auto& [key, pace] : pacing.targets) {
    while (position != end && position->first < key) ++position;
    const bool is_known = position != end && position->first == key;
    pace.position = is_known ? std::optional(position->second) : std::nullopt;
  }
}

void for_each_known(Pacing& pacing, const Schedule& schedule, auto visit) {
  find_positions(pacing, schedule);
  for (auto& [key, pace] : pacing.targets) {
    if (pace.position) visit(*pace.position, pace);
  }
}

void forget_gone(Pacing& pacing, const Schedule& schedule) {
  if (pacing.targets.size() <= schedule.positions->size()) return;
  erase_if(pacing.targets, [&](const auto& entry) {
    return !schedule.positions->contains(entry.first) && !entry.second.in_flight;
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
      due = take_turn(apis_[target.api], at_once ? nanoseconds{0} : gap_at(allowance->second.rate),
                      due);
    }
    next_ += std::min<nanoseconds>(
        kFirstPollGap, slot.interval / static_cast<std::int64_t>(schedule_.targets.size()));
    return due;
  }

 private:
  static nanoseconds gap_at(double rate) {
    const std::chrono::duration<double> gap{1 / rate};
    return gap < kLongestInterval ? std::chrono::duration_cast<nanoseconds>(gap) : kLongestInterval;
  }

  Mono take_turn(std::optional<Mono>& turn, nanoseconds gap, Mono due) const {
    due = std::min(std::max(due, turn.value_or(now_)), now_ + kLongestInterval);
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

// Spaced operations that are under way and have no room for one more request between two slots: a
// first poll at once would hold up everybody else's.
std::set<std::string_view> full_operations(const Pacing& pacing, const Schedule& schedule) {
  std::map<std::string_view, std::int64_t> sizes;
  std::set<std::string_view> full;
  for (const auto& target : schedule.targets) ++sizes[target.operation];
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    const auto& operation = schedule.targets[i].operation;
    const auto& slot = schedule.slots[i];
    if (slot.gap.count() == 0 || slot.interval >= 2 * slot.gap * sizes[operation]) continue;
    if (pacing.targets.contains(key_of(schedule.targets[i]))) full.insert(operation);
  }
  return full;
}

void admit_new(Pacing& pacing, const Schedule& schedule, Mono now) {
  Admission admission(schedule, now);
  const auto full = full_operations(pacing, schedule);
  std::vector<std::pair<std::string, TargetPace>> admitted;
  for (std::size_t i = 0; i < schedule.targets.size(); ++i) {
    const auto& operation = schedule.targets[i].operation;
    const Mono epoch = pacing.epochs.try_emplace(operation, now).first->second;
    auto key = key_of(schedule.targets[i]);
    if (pacing.targets.contains(key)) continue;
    const bool waits = full.contains(operation);
    const Mono due = waits ? next_slot(schedule.slots[i], epoch, now) : admission.next(i);
    admitted.emplace_back(std::move(key), TargetPace{.due = due, .in_slot = waits});
  }
  pacing.targets.merge(std::move(admitted));
  pacing.known_by.reset();
}

Mono end_of_pause(const Pacing& pacing, const Target& target) {
  Mono end{};
  for (const auto* scope : {&target.api, &target.operation}) {
    const auto found = pacing.paused.find(*scope);
    if (found != pacing.paused.end()) end = std::max(end, found->second);
  }
  return end;
}

// What is new or was overdue when its API was paused takes its first slot after that: the end of a
// pause must not start all at once.
void await_end_of_pause(const Pacing& pacing, const Schedule& schedule, std::size_t index,
                        TargetPace& pace) {
  if (pacing.paused.empty()) return;
  const auto& target = schedule.targets[index];
  const Mono end = end_of_pause(pacing, target);
  if (pace.due >= end) return;
  const auto epoch = pacing.epochs.find(target.operation);
  if (epoch == pacing.epochs.end()) return;
  pace.due = next_slot(schedule.slots[index], epoch->second, end);
  pace.in_slot = true;
}

struct Turn {
  Mono at{};
  std::size_t position = 0;
  TargetPace* pace = nullptr;
};

// Who is due, who is under way, and when to look again.
struct Turns {
  std::vector<Turn> due{};
  std::map<std::string_view, std::uint32_t> in_flight{};  // By API.
  std::optional<Mono> wake{};
  std::size_t known = 0;
};

Turns look(Pacing& pacing, const Schedule& schedule, Mono now) {
  Turns turns;
  for_each_known(pacing, schedule, [&](std::size_t i, TargetPace& pace) {
    ++turns.known;
    if (pace.in_flight) {
      ++turns.in_flight[schedule.targets[i].api];
      return;
    }
    await_end_of_pause(pacing, schedule, i, pace);
    if (pace.due <= now) {
      turns.due.push_back({pace.due, i, &pace});
    } else if (!turns.wake || pace.due < *turns.wake) {
      turns.wake = pace.due;
    }
  });
  return turns;
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

std::int64_t requests_of(const Target& target, const Tempo& tempo) {
  const auto seen = tempo.requests.find(key_of(target));
  return std::max<std::int64_t>(
      {1, std::ssize(target.groups), seen == tempo.requests.end() ? 1 : seen->second});
}

std::string key_of(const Target& target) { return target.operation + "/" + target.endpoint_id; }

std::optional<std::size_t> Schedule::find(const Target& target) const {
  const auto at = positions->find(key_of(target));
  return at == positions->end() ? std::nullopt : std::optional(at->second);
}

Schedule schedule(std::vector<Target> targets, const Tempo& tempo) {
  Schedule result{.tempo = tempo};
  set_intervals(result, targets);
  std::map<std::string, std::int64_t> sizes;
  for (const auto& target : targets) ++sizes[target.operation];
  std::map<std::string, std::int64_t> seen;
  std::vector<std::pair<std::string, std::size_t>> positions;
  for (const auto& target : targets) {
    const nanoseconds interval = result.intervals.at(target.operation);
    const auto step = interval / sizes[target.operation];
    const auto order = std::distance(sizes.begin(), sizes.find(target.operation));
    const bool is_list = target.endpoint_id.empty();
    const auto shift = is_list ? step * order / std::ssize(sizes) : nanoseconds{0};
    positions.emplace_back(key_of(target), result.slots.size());
    result.slots.push_back({.interval = interval,
                            .phase = step * seen[target.operation]++ + shift,
                            .gap = gap_of(target.operation, tempo)});
  }
  Positions all;
  all.merge(std::move(positions));
  result.positions = std::make_shared<const Positions>(std::move(all));
  result.targets = std::move(targets);
  return result;
}

milliseconds max_age(milliseconds interval, const Tempo& tempo) {
  if (!tempo.max_age) return std::max<milliseconds>(kMaxAgeFloor, interval * 3);
  return std::max(*tempo.max_age, interval * 2);
}

Plan plan(Pacing pacing, const Schedule& schedule, Mono now) {
  forget_gone(pacing, schedule);
  Turns turns = look(pacing, schedule, now);
  if (turns.known < schedule.positions->size()) {
    admit_new(pacing, schedule, now);
    turns = look(pacing, schedule, now);
  }
  std::sort(turns.due.begin(), turns.due.end(), [](const Turn& one, const Turn& other) {
    return std::pair(one.at, one.position) < std::pair(other.at, other.position);
  });
  Plan result{.wake = turns.wake};
  for (const auto& [at, position, pace] : turns.due) {
    auto& beside = turns.in_flight[schedule.targets[position].api];
    if (beside >= schedule.tempo.max_in_flight) {
      result.held = true;
      continue;
    }
    pace->in_flight = true;
    pace->started = now;
    ++beside;
    result.start.push_back(position);
  }
  // All that was overdue in a pause that is over has its slot by now.
  std::erase_if(pacing.paused, [now](const auto& entry) { return entry.second <= now; });
  result.next = std::move(pacing);
  return result;
}

Pacing resume(Pacing pacing, const Schedule& schedule, Mono now) {
  for_each_known(pacing, schedule, [&](std::size_t i, TargetPace& pace) {
    pace.in_flight = false;
    pace.due = std::min(pace.due, now + schedule.slots[i].interval);
    if (pace.started) pace.due = std::max(pace.due, *pace.started + least_gap(schedule, i));
    // Half an interval is not to be waited for on top of a whole one.
    pace.in_slot = pace.in_slot && is_slot(pacing, schedule, i, pace.due);
  });
  erase_if(pacing.targets, [](const auto& entry) { return entry.second.in_flight; });
  return pacing;
}

Pacing carry_on(Pacing pacing, const Schedule& schedule,
                const std::map<std::string, Mono>& polled) {
  for (const auto& [key, when] : polled) {
    const auto position = schedule.positions->find(key);
    if (position == schedule.positions->end()) continue;
    const auto index = position->second;
    const bool is_list = schedule.targets[index].endpoint_id.empty();
    const nanoseconds wait =
        is_list ? least_gap(schedule, index) : nanoseconds{schedule.slots[index].interval};
    pacing.targets.emplace(key, TargetPace{.due = when + wait});
  }
  pacing.known_by.reset();
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
  pace.due = std::max(
      next_slot(slot, epoch, earliest + backoff(slot, key, pace)),
      std::max(started + least_gap(schedule, *at), now + schedule.tempo.policy.min_interval));
  pace.in_slot = true;
  pace.in_flight = false;
  return pacing;
}

Pacing postponed(Pacing pacing, const Target& target) {
  const auto found = pacing.targets.find(key_of(target));
  if (found != pacing.targets.end()) found->second.in_flight = false;
  return pacing;
}

std::string refused_scope(const Target& target, const Policy& policy) {
  const auto& own = policy.spacings;
  const bool has_own = std::any_of(own.begin(), own.end(), [&](const Spacing& spacing) {
    return spacing.operation == target.operation;
  });
  return has_own ? target.operation : target.api;
}

Pacing pause(Pacing pacing, const Schedule& schedule, const std::string& scope, Mono until,
             Mono now) {
  auto& paused = pacing.paused[scope];
  const auto longer = until - std::max(now, paused);
  if (longer <= nanoseconds{0}) return pacing;
  paused = until;
  std::set<std::string> moved;
  for (const auto& target : schedule.targets) {
    if (target.api != scope && target.operation != scope) continue;
    const auto epoch = pacing.epochs.find(target.operation);
    if (epoch != pacing.epochs.end() && moved.insert(target.operation).second) {
      epoch->second += longer;
    }
  }
  for_each_known(pacing, schedule, [&](std::size_t i, TargetPace& pace) {
    if (!moved.contains(schedule.targets[i].operation)) return;
    pace.due += longer;
    // If it turns out that nothing was sent.
    if (pace.in_flight) pace.due = std::max(pace.due, until);
  });
  return pacing;
}

Pacing rescale(Pacing pacing, const Schedule& before, const Schedule& after, Mono now) {
  // What a pause takes is not a part of any interval: it is what comes after it that stretches.
  std::map<std::string, Mono> origins;
  for (const auto& target : after.targets) {
    origins[target.operation] = std::max(now, end_of_pause(pacing, target));
  }
  const auto origin_of = [&](const std::string& operation) {
    const auto found = origins.find(operation);
    return found == origins.end() ? now : found->second;
  };
  const auto scaled = [&](nanoseconds wait, const std::string& operation) {
    const auto one = before.intervals.find(operation);
    const auto other = after.intervals.find(operation);
    if (one == before.intervals.end() || other == after.intervals.end()) return wait;
    const double factor =
        static_cast<double>(other->second.count()) / static_cast<double>(one->second.count());
    // What lies behind is as long as the clock has run, and would overflow, too.
    const auto longest =
        std::max<nanoseconds>(wait < nanoseconds{0} ? -wait : wait, kLongestInterval);
    const auto most = static_cast<double>(longest.count());
    const auto wanted = std::clamp(static_cast<double>(wait.count()) * factor, -most, most);
    if (wanted == most) return longest;
    if (wanted == -most) return -longest;
    return nanoseconds{static_cast<std::int64_t>(wanted)};
  };
  for (auto& [operation, epoch] : pacing.epochs) {
    // Whole intervals say nothing of where the slots are, and grow without bounds.
    const auto interval = before.intervals.find(operation);
    const Mono origin = origin_of(operation);
    const auto wait = epoch - origin;
    const auto part = interval == before.intervals.end() ? wait : wait % interval->second;
    epoch = origin + scaled(part, operation);
  }
  for_each_known(pacing, after, [&](std::size_t i, TargetPace& pace) {
    const auto& operation = after.targets[i].operation;
    const Mono origin = origin_of(operation);
    const Mono moment = origin + scaled(pace.due - origin, operation);
    pace.in_slot = pace.in_slot && is_slot(pacing, after, i, moment);
    if (pace.due <= origin) return;
    pace.due = moment;
    if (pace.started) pace.due = std::max(pace.due, *pace.started + least_gap(after, i));
  });
  return pacing;
}

}  // namespace serverless::daemon
