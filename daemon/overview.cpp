#include "daemon/overview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "daemon/derived.hpp"

namespace serverless::daemon {
namespace {

Standing standing_of(const std::optional<SourceState>& source, Mono now) {
  if (!source) return Standing::unasked;
  if (is_fresh(*source, now)) return source->error ? Standing::failing : Standing::fresh;
  if (source->good) return Standing::too_old;
  return source->last_attempt ? Standing::missing : Standing::waiting;
}

Mark mark_of(const EndpointView& view) {
  const auto& all = view.standings;
  const auto has = [&](Standing standing) {
    return std::find(all.begin(), all.end(), standing) != all.end();
  };
  if (is_lost(all[static_cast<std::size_t>(Source::workers)])) return Mark::blind;
  if (view.count(Status::unhealthy) > 0) return Mark::unhealthy;
  if (std::any_of(all.begin(), all.end(), is_lost)) return Mark::lacking;
  if (has(Standing::failing)) return Mark::failing;
  if (!suspicions_of(view).empty()) return Mark::suspect;
  return has(Standing::waiting) ? Mark::waiting : Mark::well;
}

EndpointView view_of(const AccountPage& account, const EndpointState& state, Mono now) {
  EndpointView view{.account = &account, .state = &state};
  view.listed = is_served(state, bit(Source::workers), false, now);
  view.status_known = is_served(state, bit(Source::workers), true, now);
  view.queue_known = is_served(state, bit(Source::queue), false, now);
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    view.standings[i] = standing_of(state.sources[i], now);
  }
  view.mark = mark_of(view);
  return view;
}

// The earliest of what is planned for an endpoint.
void note_due(std::map<std::string_view, Due>& into, std::string_view endpoint, const Due& due) {
  const auto [known, first] = into.try_emplace(endpoint, due);
  if (first) return;
  known->second.at = std::min(known->second.at, due.at);
  known->second.in_flight = known->second.in_flight || due.in_flight;
}

AccountView view_of(const AccountPage& page, Mono now) {
  AccountView view{.page = &page};
  for (const auto& [id, state] : page.state.endpoints) {
    view.endpoints.push_back(view_of(page, *state, now));
  }
  std::stable_sort(view.endpoints.begin(), view.endpoints.end(),
                   [](const EndpointView& a, const EndpointView& b) { return a.mark < b.mark; });
  for (const auto& [key, log] : page.state.polls) {
    const auto due = page.next_polls.find(key);
    // What is asked for once in five minutes is not what somebody waits for.
    const auto& supplies = log->supplies;
    const bool workers =
        std::find(supplies.begin(), supplies.end(), Source::workers) != supplies.end();
    if (due != page.next_polls.end() && workers) {
      note_due(view.next_by_endpoint, log->endpoint_id, due->second);
    }
  }
  return view;
}

}  // namespace

std::uint64_t skipped_of(const EndpointState& state) {
  std::uint64_t sum = 0;
  for (const Skip skip : {Skip::not_object, Skip::no_id, Skip::duplicate_id}) {
    sum += state.workers_report.skipped.counts[static_cast<std::size_t>(skip)];
  }
  return sum;
}

std::vector<std::string> suspicions_of(const EndpointView& view) {
  std::vector<std::string> out;
  const auto tell = [&](std::int64_t count, std::string_view what) {
    if (count > 0) out.push_back(fmt::format("{} {}", count, what));
  };
  tell(view.count(Status::throttled), "throttled");
  tell(view.count(Status::unknown), "unknown");
  tell(stale_of(*view.state), "stale");
  tell(static_cast<std::int64_t>(skipped_of(*view.state)), "left out");
  if (view.state->disagreement.polls >= kBelievedAfterPolls) out.emplace_back("two views differ");
  return out;
}

std::vector<AccountView> views_of(const Pages& pages, Mono now) {
  std::vector<AccountView> views;
  for (const auto& page : pages) views.push_back(view_of(*page, now));
  const auto worst = [](const AccountView& view) {
    if (view.elsewhere()) return Mark::well;
    return view.endpoints.empty() ? Mark::blind : view.endpoints.front().mark;
  };
  std::stable_sort(views.begin(), views.end(),
                   [&](const AccountView& a, const AccountView& b) { return worst(a) < worst(b); });
  return views;
}

Totals totals_of(const std::vector<AccountView>& accounts) {
  Totals totals;
  for (const auto& account : accounts) {
    for (const auto& view : account.endpoints) {
      ++totals.endpoints;
      const auto& all = view.standings;
      totals.waiting += std::find(all.begin(), all.end(), Standing::waiting) != all.end() ? 1 : 0;
      if (view.listed) totals.stale += static_cast<std::size_t>(stale_of(*view.state));
      for (std::size_t i = 0; i < kStatusCount; ++i) {
        const auto count = view.count(static_cast<Status>(i));
        totals.workers[i] += count;
        totals.all += count;
      }
    }
  }
  return totals;
}

}  // namespace serverless::daemon
