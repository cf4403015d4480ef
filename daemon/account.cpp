#include "daemon/account.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "daemon/plan.hpp"
#include "daemon/reconcile.hpp"

namespace serverless::daemon {
namespace {

// Two successive good discoveries without it: then an endpoint is gone.
constexpr int kGoneAfterListings = 2;

bool accepts_us(const Error& error) {
  switch (error.reason) {
    case Reason::not_found:
    case Reason::client_error:
    case Reason::too_large:
    case Reason::parse:
    case Reason::schema:
    case Reason::provider:
    case Reason::not_ready:
      return true;
    default:
      return false;
  }
}

void count_exchange(AccountState& account, const Exchange& exchange) {
  ++account.requests[{exchange.api, exchange.operation, exchange.code}];
  account.durations[{exchange.api, exchange.operation}].observe(
      std::chrono::duration<double>(exchange.duration).count());
  auto& api = account.apis[exchange.api];
  if (exchange.skew) api.skew = exchange.skew;
  api.quota = learn(std::move(api.quota), exchange.windows, exchange.landed);
  api.refusals = exchange.code == "429" ? api.refusals + 1 : 0;
}

void note_acceptance(AccountState& account, const Observation& observation) {
  auto& api = account.apis[observation.target.api];
  bool accepted = true;
  for (const auto& answer : observation.poll.answers) {
    if (answer.result) continue;
    accepted = accepted && accepts_us(answer.result.error());
  }
  api.up = accepted;
}

bool supplies(const Target& target, Source source) {
  return std::find(target.supplies.begin(), target.supplies.end(), source) != target.supplies.end();
}

// Discovery may have bad news of a source that another target supplies at its own pace.
Pace pace_for(const EndpointState& endpoint, Source source, const Target& target,
              const PaceOf& pace_of) {
  const auto* known = endpoint.source(source);
  if (known == nullptr || supplies(target, source)) return pace_of(target, source);
  return {.interval = known->interval, .max_age = known->max_age};
}

void take_answer(AccountState& account, const std::string& id, const Answer& answer,
                 const Observation& observation, const PaceOf& pace_of,
                 std::set<std::string>& changed) {
  const auto found = account.endpoints.find(id);
  if (found == account.endpoints.end()) return;
  const auto* known = found->second->source(answer.source);
  if (observation.again && known != nullptr && known->last_attempt) return;
  const Pace pace = pace_for(*found->second, answer.source, observation.target, pace_of);
  const Landing landing{.sent = observation.sent,
                        .landed = observation.landed,
                        .cached = observation.cached,
                        .interval = pace.interval,
                        .max_age = pace.max_age};
  found->second = std::make_shared<const EndpointState>(reconcile(*found->second, answer, landing));
  changed.insert(id);
}

// A failure's reason as its endpoint judged it, which knows what was before; as told where no
// endpoint took it.
Reason judged(const AccountState& account, const Answer& answer) {
  const auto& error = answer.result.error();
  const auto own = account.endpoints.find(answer.endpoint_id);
  auto at = answer.endpoint_id.empty() ? account.endpoints.begin() : own;
  for (; at != account.endpoints.end(); ++at) {
    const auto* source = at->second->source(answer.source);
    if (source != nullptr && source->error && source->error->detail == error.detail) {
      return source->error->reason;
    }
    if (!answer.endpoint_id.empty()) break;
  }
  return error.reason;
}

// A target that is polled no more has no log.
void keep_logs(AccountState& account, const std::vector<Target>& targets) {
  auto before = std::exchange(account.polls, {});
  for (const auto& target : targets) {
    auto key = key_of(target);
    const auto known = before.find(key);
    auto log = known != before.end()
                   ? std::move(known->second)
                   : std::make_shared<const PollLog>(PollLog{.operation = target.operation,
                                                             .endpoint_id = target.endpoint_id,
                                                             .supplies = target.supplies});
    account.polls.emplace(std::move(key), std::move(log));
  }
}

void remember(AccountState& account, const Observation& observation,
              const std::set<Reason>& reasons) {
  const auto found = account.polls.find(key_of(observation.target));
  if (found == account.polls.end()) return;
  PollRecord record{.sent = observation.sent.wall,
                    .duration = observation.landed.mono - observation.sent.mono};
  for (const auto& exchange : observation.exchanges) {
    ++record.requests;
    record.bytes += exchange.body_bytes;
    record.code = exchange.code;
  }
  if (!reasons.empty()) record.reason = *reasons.begin();
  PollLog log = *found->second;
  if (log.polls.size() == kRememberedPolls) log.polls.erase(log.polls.begin());
  log.polls.push_back(std::move(record));
  found->second = std::make_shared<const PollLog>(std::move(log));
}

using Endpoint = std::shared_ptr<const EndpointState>;

bool is_untouched(const EndpointState& endpoint) {
  return std::none_of(endpoint.sources.begin(), endpoint.sources.end(),
                      [](const auto& source) { return source && source->polls > 0; });
}

// What another member knew of an endpoint goes on from there. Where we have begun ourselves, it
// would be too late: its counters would seem to have leapt.
void claim(Endpoint& endpoint, Heirlooms& heirlooms) {
  const auto found = heirlooms.find(endpoint->info.id);
  if (found == heirlooms.end()) return;
  if (is_untouched(*endpoint)) {
    EndpointState next = *found->second.state;
    next.info = endpoint->info;
    next.configured = endpoint->configured;
    endpoint = std::make_shared<const EndpointState>(std::move(next));
  }
  heirlooms.erase(found);
}

Endpoint expecting_baseline(const EndpointState& endpoint) {
  EndpointState next = endpoint;
  next.expects_baseline = true;
  return std::make_shared<const EndpointState>(std::move(next));
}

void admit(AccountState& account, const std::string& id, std::set<std::string>& changed) {
  if (account.endpoints.contains(id)) return;
  EndpointState state;
  state.info.id = id;
  auto endpoint = std::make_shared<const EndpointState>(std::move(state));
  claim(account.endpoints.emplace(id, std::move(endpoint)).first->second, account.heirlooms);
  changed.insert(id);
}

// What is listed exists, and what a catalog answer tells of does so even where the list was not
// whole. It is created before its answers are taken.
void admit_endpoints(AccountState& account, const Poll& poll, std::set<std::string>& changed) {
  for (const auto& answer : poll.answers) {
    const bool exists = answer.source == Source::catalog && answer.result;
    if (exists && !answer.endpoint_id.empty()) admit(account, answer.endpoint_id, changed);
  }
  if (!poll.listing) return;
  for (const auto& id : *poll.listing) admit(account, id, changed);
}

// Only a whole list decides which endpoints are gone.
void take_listing(AccountState& account, const std::vector<std::string>& listing,
                  std::set<std::string>& changed) {
  const std::unordered_set<std::string_view> listed(listing.begin(), listing.end());
  for (auto at = account.endpoints.begin(); at != account.endpoints.end();) {
    const auto& [id, known] = *at;
    const int missing = listed.contains(id) ? 0 : known->missing_listings + 1;
    if (missing >= kGoneAfterListings && !known->configured) {
      changed.insert(id);
      ++account.endpoints_removed;
      at = account.endpoints.erase(at);
      continue;
    }
    if (missing != known->missing_listings) {
      EndpointState next = *known;
      next.missing_listings = missing;
      at->second = std::make_shared<const EndpointState>(std::move(next));
    }
    ++at;
  }
}

// For as long as what else the list tells is believed.
void note_listed(AccountState& account, const Observation& observation, const PaceOf& pace_of) {
  if (!observation.poll.listed) return;
  const Mono told = observation.sent.mono - observation.cached;
  account.endpoints_listed =
      Expiring{.value = *observation.poll.listed,
               .expires = told + pace_of(observation.target, Source::catalog).max_age};
}

}  // namespace

void Histogram::observe(double value) {
  const auto at = std::lower_bound(kDurationBuckets.begin(), kDurationBuckets.end(), value);
  if (at != kDurationBuckets.end()) {
    ++buckets[static_cast<std::size_t>(at - kDurationBuckets.begin())];
  }
  ++count;
  sum += value;
}

AccountState initial_account(std::string name, const Provider& provider,
                             std::vector<EndpointInfo> configured, bool exhaustive) {
  AccountState account;
  account.name = std::move(name);
  account.provider = &provider;
  account.exhaustive = exhaustive;
  for (auto& info : configured) {
    EndpointState state;
    state.configured = true;
    state.info = std::move(info);
    const auto id = state.info.id;
    account.endpoints.emplace(id, std::make_shared<const EndpointState>(std::move(state)));
  }
  return account;
}

AccountState inherit(AccountState fresh, const AccountState& before) {
  for (const auto& [id, endpoint] : before.endpoints) {
    const auto wanted = fresh.endpoints.find(id);
    if (wanted == fresh.endpoints.end() && !fresh.exhaustive) continue;
    EndpointState state = *endpoint;
    state.configured = wanted != fresh.endpoints.end();
    fresh.endpoints[id] = std::make_shared<const EndpointState>(std::move(state));
  }
  fresh.requests = before.requests;
  fresh.durations = before.durations;
  fresh.failures = before.failures;
  fresh.apis = before.apis;
  fresh.polls = before.polls;
  fresh.heard = before.heard;
  fresh.endpoints_removed = before.endpoints_removed;
  if (fresh.exhaustive) fresh.endpoints_listed = before.endpoints_listed;
  fresh.discovered = before.discovered;
  fresh.heirlooms = before.heirlooms;
  for (auto& [id, endpoint] : fresh.endpoints) claim(endpoint, fresh.heirlooms);
  if (!fresh.exhaustive) fresh.heirlooms = {};
  return fresh;
}

AccountState take_over(AccountState account, const Heirlooms& heirlooms) {
  for (const auto& [id, heirloom] : heirlooms) {
    account.heirlooms.insert_or_assign(id, heirloom);
  }
  return account;
}

std::vector<EndpointInfo> endpoint_infos(const AccountState& account) {
  std::vector<EndpointInfo> infos;
  infos.reserve(account.endpoints.size());
  for (const auto& [id, state] : account.endpoints) infos.push_back(state->info);
  return infos;
}

std::map<std::string, Mono> polled_elsewhere(const AccountState& account,
                                             const std::vector<Target>& targets) {
  std::map<std::string, Mono> polled;
  for (const auto& target : targets) {
    std::optional<Mono> when;
    const auto look_at = [&](const EndpointState& endpoint) {
      const auto* source = endpoint.source(target.supplies.front());
      // What others passed on stands as if it had been asked here.
      const auto told = source == nullptr ? std::nullopt : last_told(*source);
      if (told) when = std::max(when.value_or(*told), *told);
    };
    if (target.endpoint_id.empty()) {
      for (const auto& [id, endpoint] : account.endpoints) look_at(*endpoint);
      for (const auto& [id, heirloom] : account.heirlooms) look_at(*heirloom.state);
    } else if (const auto own = account.endpoints.find(target.endpoint_id);
               own != account.endpoints.end()) {
      const auto* source = own->second->source(target.supplies.front());
      if (source != nullptr && !source->last_attempt) look_at(*own->second);
    }
    if (when) polled.emplace(key_of(target), *when);
  }
  return polled;
}

std::set<std::string> adopt_targets(AccountState& account, const std::vector<Target>& targets,
                                    const PaceOf& pace_of) {
  using Paces = std::array<std::optional<Pace>, kSourceCount>;
  Paces everywhere;
  std::map<std::string_view, Paces> own;
  for (const auto& target : targets) {
    auto& paces = target.endpoint_id.empty() ? everywhere : own[target.endpoint_id];
    for (const Source source : target.supplies) {
      paces[static_cast<std::size_t>(source)] = pace_of(target, source);
    }
  }
  keep_logs(account, targets);
  std::set<std::string> changed;
  for (auto& [id, endpoint] : account.endpoints) {
    EndpointState next = *endpoint;
    const Paces& paces = own[id];
    for (std::size_t i = 0; i < kSourceCount; ++i) {
      const auto& pace = paces[i] ? paces[i] : everywhere[i];
      auto& slot = next.sources[i];
      if (!pace) {
        slot.reset();
        continue;
      }
      if (!slot) slot.emplace();
      slot->interval = pace->interval;
      slot->max_age = pace->max_age;
    }
    if (next.sources == endpoint->sources) continue;
    endpoint = std::make_shared<const EndpointState>(std::move(next));
    changed.insert(id);
  }
  return changed;
}

std::set<std::string> expect_baseline(AccountState& account) {
  std::set<std::string> changed;
  for (auto& [id, endpoint] : account.endpoints) {
    endpoint = expecting_baseline(*endpoint);
    changed.insert(id);
  }
  for (auto& [id, heirloom] : account.heirlooms) {
    heirloom.state = expecting_baseline(*heirloom.state);
  }
  return changed;
}

std::set<std::string> apply(AccountState& account, const Observation& observation,
                            const PaceOf& pace_of) {
  std::set<std::string> changed;
  for (const auto& exchange : observation.exchanges) {
    count_exchange(account, exchange);
    if (!exchange.windows.empty()) account.apis[exchange.api].quota_told = observation.landed;
  }
  if (observation.withheld) return changed;
  if (!observation.heard) note_acceptance(account, observation);

  std::erase_if(account.heirlooms,
                [&](const auto& entry) { return entry.second.until < observation.landed.mono; });
  if (account.exhaustive) admit_endpoints(account, observation.poll, changed);
  if (observation.poll.listing && !observation.again) {
    take_listing(account, *observation.poll.listing, changed);
  }
  if (account.exhaustive) note_listed(account, observation, pace_of);
  std::set<std::pair<std::string_view, Source>> own;  // Who has an answer of its own.
  for (const auto& answer : observation.poll.answers) {
    if (answer.endpoint_id.empty()) continue;
    own.emplace(answer.endpoint_id, answer.source);
    take_answer(account, answer.endpoint_id, answer, observation, pace_of, changed);
  }
  for (const auto& answer : observation.poll.answers) {
    if (!answer.endpoint_id.empty()) continue;
    for (const auto& [id, endpoint] : account.endpoints) {
      if (own.contains({id, answer.source}) || endpoint->source(answer.source) == nullptr) continue;
      take_answer(account, id, answer, observation, pace_of, changed);
    }
  }
  if (supplies(observation.target, Source::catalog)) account.discovered = true;
  if (observation.again) return changed;
  std::set<Reason> reasons;  // However many endpoints and sources it concerns, it is one poll.
  for (const auto& answer : observation.poll.answers) {
    if (!answer.result) reasons.insert(judged(account, answer));
  }
  remember(account, observation, reasons);
  for (const Reason reason : reasons) ++account.failures[static_cast<std::size_t>(reason)];
  return changed;
}

std::optional<Expiring> orphan_instances(const AccountState& account) {
  if (!account.exhaustive || account.endpoints.empty()) return std::nullopt;
  Expiring orphans{.expires = Mono::max()};
  std::unordered_set<std::string_view> listed;
  for (const auto& [id, endpoint] : account.endpoints) {
    for (const Source source : {Source::workers, Source::instances}) {
      const auto* known = endpoint->source(source);
      if (known == nullptr || !known->good) return std::nullopt;
      orphans.expires = std::min(orphans.expires, known->good->mono + known->max_age);
    }
    for (const auto& worker : endpoint->workers) listed.insert(worker.reported.id);
  }
  for (const auto& [id, instance] : account.endpoints.begin()->second->instances->by_id) {
    if (instance.bills && !listed.contains(id)) ++orphans.value;
  }
  return orphans;
}

}  // namespace serverless::daemon
