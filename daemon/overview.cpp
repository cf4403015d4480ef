#include "daemon/overview.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/derived.hpp"
#include "daemon/wording.hpp"

namespace serverless::daemon {
namespace {

Mark mark_of(const EndpointView& view, Mono now) {
  bool expired = false;
  bool failing = false;
  bool tried = true;
  for (const auto& source : view.state->sources) {
    if (!source) continue;
    expired = expired || !is_fresh(*source, now);
    failing = failing || source->error;
    tried = tried && source->last_attempt;
  }
  if (expired) return failing || tried ? Mark::expired : Mark::waiting;
  if (failing) return Mark::failing;
  if (view.count(Status::unhealthy) > 0) return Mark::unhealthy;
  const bool odd = view.count(Status::throttled) > 0 || view.count(Status::unknown) > 0 ||
                   view.state->disagreement.polls >= kBelievedAfterPolls ||
                   skipped_of(*view.state) > 0;
  return odd || stale_of(*view.state) > 0 ? Mark::suspect : Mark::well;
}

EndpointView view_of(const AccountPage& account, const EndpointState& state, Mono now) {
  EndpointView view{.account = &account, .state = &state};
  view.listed = is_served(state, bit(Source::workers), false, now);
  view.status_known = is_served(state, bit(Source::workers), true, now);
  view.queue_known = is_served(state, bit(Source::queue), false, now);
  view.mark = mark_of(view, now);
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

std::vector<AccountView> views_of(const Pages& pages, Mono now) {
  std::vector<AccountView> views;
  for (const auto& page : pages) views.push_back(view_of(*page, now));
  const auto worst = [](const AccountView& view) {
    return view.endpoints.empty() ? Mark::expired : view.endpoints.front().mark;
  };
  std::stable_sort(views.begin(), views.end(),
                   [&](const AccountView& a, const AccountView& b) { return worst(a) < worst(b); });
  return views;
}

Totals totals_of(const std::vector<AccountView>& accounts) {
  Totals totals;
  for (const auto& account : accounts) {
    for (const auto& [api, state] : account.page->state.apis) {
      if (state.up == false) ++totals.refused;
    }
    const auto& state = account.page->state;
    if (account.endpoints.empty() && !(state.divided && state.discovered)) ++totals.empty;
    for (const auto& view : account.endpoints) {
      ++totals.endpoints;
      totals.expired += view.mark == Mark::expired ? 1 : 0;
      totals.failing += view.mark == Mark::failing ? 1 : 0;
      totals.waiting += view.mark == Mark::waiting ? 1 : 0;
      totals.unhealthy += view.count(Status::unhealthy) > 0 ? 1 : 0;
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

std::string headline(const Totals& totals) {
  std::vector<std::string> news;
  if (totals.expired > 0) {
    news.push_back(plural(totals.expired, "endpoint with data that are missing or too old",
                          "endpoints with data that are missing or too old"));
  }
  if (totals.refused > 0) {
    news.push_back(plural(totals.refused, "API refuses us or does not answer",
                          "APIs refuse us or do not answer"));
  }
  if (totals.unhealthy > 0) {
    news.push_back(plural(totals.unhealthy, "endpoint with unhealthy workers",
                          "endpoints with unhealthy workers"));
  }
  if (totals.failing > 0) {
    news.push_back(
        plural(totals.failing, "endpoint whose polls fail", "endpoints whose polls fail"));
  }
  if (totals.empty > 0 && totals.endpoints > 0) {
    news.push_back(
        plural(totals.empty, "account without any endpoint", "accounts without any endpoint"));
  }
  if (!news.empty()) return fmt::format("{}.", fmt::join(news, "; "));
  if (totals.endpoints == 0) return "No endpoint is known yet.";
  if (totals.waiting > 0) {
    return fmt::format("Starting: {} of {} have answered.", totals.endpoints - totals.waiting,
                       plural(totals.endpoints, "endpoint", "endpoints"));
  }
  return fmt::format("All is well: {} at {}, all data fresh, none unhealthy.",
                     plural(static_cast<std::size_t>(totals.all), "worker", "workers"),
                     plural(totals.endpoints, "endpoint", "endpoints"));
}

std::string_view class_of(const Totals& totals) {
  const bool bad = totals.expired + totals.refused + totals.unhealthy + totals.failing > 0;
  if (bad) return "bad";
  return totals.endpoints == 0 || totals.empty + totals.waiting > 0 ? "warn" : "well";
}

}  // namespace serverless::daemon
