#include "daemon/troubles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "daemon/advice.hpp"
#include "daemon/html.hpp"
#include "daemon/wording.hpp"
#include "daemon/worker_table.hpp"

namespace serverless::daemon {
namespace {

constexpr std::size_t kMostTroubles = 30;

// The failures of an account's polls that have one reason.
struct Failure {
  std::size_t endpoints = 0;
  std::size_t expired = 0;
};

std::map<Reason, Failure> failures_of(const AccountView& account, Mono now) {
  std::map<Reason, Failure> failures;
  for (const auto& view : account.endpoints) {
    std::map<Reason, bool> own;
    for (const auto& source : view.state->sources) {
      if (!source || !source->error) continue;
      auto& expired = own[source->error->reason];
      expired = expired || !is_fresh(*source, now);
    }
    for (const auto& [reason, expired] : own) {
      ++failures[reason].endpoints;
      failures[reason].expired += expired ? 1 : 0;
    }
  }
  // Where no endpoint is known, only the log tells.
  for (const auto& [key, log] : account.page->state.polls) {
    if (!log->endpoint_id.empty() || log->polls.empty()) continue;
    if (const auto& reason = log->polls.back().reason) failures.try_emplace(*reason);
  }
  return failures;
}

std::string failure_text(const AccountView& account, Reason reason, const Failure& failure) {
  const auto tip = advice(reason);
  std::string concerned = "its lists";
  if (failure.endpoints > 0) concerned = plural(failure.endpoints, "endpoint", "endpoints");
  if (failure.expired > 0) {
    concerned += failure.expired == failure.endpoints
                     ? ", data too old or missing"
                     : fmt::format(", data of {} too old or missing", failure.expired);
  } else if (failure.endpoints > 0) {
    concerned += ", data still good";
  }
  return fmt::format("<strong>{}</strong>: {} ({}). {} <em>{}</em>",
                     isolate(account.page->state.name), name(reason), concerned, tip.what,
                     tip.to_do);
}

}  // namespace

std::string troubles(const std::vector<AccountView>& accounts, Mono now) {
  std::vector<std::string> bad;
  std::vector<std::string> rest;
  for (const auto& account : accounts) {
    const auto& state = account.page->state;
    const auto failures = failures_of(account, now);
    for (const auto& [reason, failure] : failures) {
      const bool worse = failure.expired > 0 || failure.endpoints == 0;
      (worse ? bad : rest).push_back(failure_text(account, reason, failure));
    }
    std::size_t silent = 0;
    for (const auto& view : account.endpoints) {
      const bool told = std::any_of(view.state->sources.begin(), view.state->sources.end(),
                                    [](const auto& source) { return source && source->error; });
      if (view.mark == Mark::expired && !told) ++silent;
    }
    if (silent > 0) {
      bad.push_back(fmt::format(
          "<strong>{}</strong>: {} too old or missing, and no poll failed. <em>Look at {} and at "
          "the log.</em>",
          isolate(state.name),
          plural(silent, "endpoint has data that are", "endpoints have data that are"),
          link(with_argument("/debug/polls", "account", state.name), "its polls")));
    }
    for (const auto& [api, known] : state.apis) {
      if (known.up != false || !failures.empty()) continue;
      bad.push_back(
          fmt::format("<strong>{}</strong>: the {} API refused the last request or did not answer.",
                      isolate(state.name), isolate(api)));
    }
    const bool elsewhere = state.divided && state.discovered;
    if (account.endpoints.empty() && failures.empty() && !elsewhere) {
      rest.push_back(fmt::format("<strong>{}</strong>: no endpoint is known{}.",
                                 isolate(state.name),
                                 state.discovered ? ": the provider lists none" : " yet"));
    }
    for (const auto& view : account.endpoints) {
      const auto count = view.count(Status::unhealthy);
      if (count == 0) continue;
      const WorkerQuery query{
          .account = state.name, .endpoint = view.state->info.id, .status = Status::unhealthy};
      rest.push_back(fmt::format(
          "<strong>{}</strong>: {} at {}.", isolate(state.name),
          link(url_of(query),
               plural(static_cast<std::size_t>(count), "unhealthy worker", "unhealthy workers")),
          isolate(view.state->info.name.empty() ? view.state->info.id : view.state->info.name)));
    }
  }
  bad.insert(bad.end(), rest.begin(), rest.end());
  if (bad.empty()) return "";
  std::string out = "<h2>What to look at</h2>\n<ul class=\"troubles\">\n";
  for (std::size_t i = 0; i < std::min(bad.size(), kMostTroubles); ++i) {
    out += "<li>" + bad[i] + "</li>\n";
  }
  if (bad.size() > kMostTroubles) {
    out += fmt::format("<li>And {} more, below.</li>\n", bad.size() - kMostTroubles);
  }
  return out + "</ul>\n";
}

}  // namespace serverless::daemon
