#include "daemon/assignment.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace serverless::daemon {
namespace {

constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;
constexpr std::uint64_t kFnvPrime = 0x100000001b3;
constexpr unsigned char kEnd = 0xff;

std::uint64_t add(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return (hash ^ kEnd) * kFnvPrime;
}

// FNV alone leaves the last bytes of similar texts too close to each other.
std::uint64_t mix(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33U);
}

bool is_spaced(const Target& target, const Policy& policy) {
  if (policy.min_interval.count() > 0) return true;
  return std::any_of(policy.spacings.begin(), policy.spacings.end(),
                     [&](const Spacing& spacing) { return spacing.operation == target.operation; });
}

bool supplies_workers(const Target& target) {
  return std::find(target.supplies.begin(), target.supplies.end(), Source::workers) !=
         target.supplies.end();
}

bool discovers(const config::Account& account, const Provider& provider) {
  return provider.discovers && account.endpoints.empty();
}

// Judged by what would be polled for any one endpoint.
bool stays_whole(const Collector& collector, const Policy& policy) {
  const std::vector any{EndpointInfo{.id = "1"}};
  const auto targets = collector.targets(any);
  return std::any_of(targets.begin(), targets.end(), [&](const Target& target) {
    return target.endpoint_id.empty() ? supplies_workers(target) : is_spaced(target, policy);
  });
}

}  // namespace

std::uint64_t hash_of(const Unit& unit) {
  return mix(add(add(add(kFnvBasis, unit.provider), unit.account), unit.endpoint_id));
}

Members::Members(std::vector<std::string> names, std::size_t self)
    : names_(std::move(names)), self_(self) {
  for (const auto& name : names_) hashes_.push_back(mix(add(kFnvBasis, name)));
}

std::size_t Members::owner(const Unit& unit) const {
  const auto hash = hash_of(unit);
  std::size_t best = 0;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    const auto score = mix(hash ^ hashes_[i]);
    if (i > 0 && score <= highest) continue;
    best = i;
    highest = score;
  }
  return best;
}

bool Division::is_in() const {
  return std::all_of(views.begin(), views.end(),
                     [](const Members& members) { return members.is_in(); });
}

bool Division::has(const Unit& unit) const {
  return std::all_of(views.begin(), views.end(), [&](const Members& members) {
    return members.is_in() && members.owner(unit) == members.self();
  });
}

Members static_shards(std::uint32_t ordinal, std::uint32_t count) {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return {std::move(names), ordinal};
}

bool Share::has(std::string_view endpoint_id) const {
  if (!whole.empty()) return any;
  return division.has({provider, account, endpoint_id});
}

Share share_of(const config::Account& account, const Provider& provider, const Division& division) {
  Share share{
      .division = division, .provider = std::string(provider.name), .account = account.name};
  const auto collector = provider.make(account);
  if (stays_whole(*collector, provider.policy)) {
    share.whole = account.quota_group.empty() ? account.name : account.quota_group;
    share.any = division.has({share.provider, share.whole, ""});
    share.asks = share.any;
    return share;
  }
  const auto& members = division.members();
  std::set<std::size_t> owners;
  if (discovers(account, provider)) {
    share.any = division.is_in();
    share.askers = static_cast<std::uint32_t>(members.size());
  } else {
    const auto configured = collector->configured();
    share.any = std::any_of(configured.begin(), configured.end(),
                            [&](const EndpointInfo& endpoint) { return share.has(endpoint.id); });
    for (const auto& endpoint : configured) {
      owners.insert(members.owner({share.provider, share.account, endpoint.id}));
    }
    share.askers = static_cast<std::uint32_t>(owners.size());
  }
  share.asks = share.any;
  if (division.in_touch) {
    share.asks = division.has({share.provider, share.account, ""});
    share.any = share.any || share.asks;
    share.askers = 1;
  }
  return share;
}

std::vector<EndpointInfo> assign(std::vector<EndpointInfo> endpoints, const Share& share) {
  std::erase_if(endpoints, [&](const EndpointInfo& info) { return !share.has(info.id); });
  return endpoints;
}

std::vector<Target> assign(std::vector<Target> targets, const Share& share) {
  std::erase_if(targets, [&](const Target& target) {
    return target.endpoint_id.empty() ? !share.asks : !share.has(target.endpoint_id);
  });
  return targets;
}

std::vector<Target> heard(std::vector<Target> targets, const Share& share) {
  std::erase_if(targets, [&](const Target& target) {
    return !target.endpoint_id.empty() || share.asks || !share.is_passed_on();
  });
  return targets;
}

Poll assign(Poll poll, const Share& share) {
  std::erase_if(poll.answers, [&](const Answer& answer) {
    return !answer.endpoint_id.empty() && !share.has(answer.endpoint_id);
  });
  if (poll.listing) {
    poll.listed = poll.listing->size();
    std::erase_if(*poll.listing, [&](const std::string& id) { return !share.has(id); });
  }
  return poll;
}

}  // namespace serverless::daemon
