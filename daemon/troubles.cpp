#include "daemon/troubles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "daemon/advice.hpp"
#include "daemon/endpoint_card.hpp"
#include "daemon/html.hpp"
#include "daemon/wording.hpp"
#include "daemon/worker_table.hpp"

namespace serverless::daemon {
namespace {

using Endpoints = std::vector<const EndpointView*>;

// Sources that do not come from the same endpoints, for the same reason.
struct Failure {
  bool lost = false;  // Their data are not served; otherwise they are still good.
  std::vector<Source> sources{};
  std::optional<Reason> reason{};  // Empty: no poll failed.
  Endpoints endpoints{};
};

std::vector<Failure> failures_of(const AccountView& account) {
  using Key = std::tuple<bool, Source, std::optional<Reason>>;
  std::map<Key, Endpoints> by_source;
  for (const auto& view : account.endpoints) {
    for (std::size_t i = 0; i < kSourceCount; ++i) {
      const auto standing = view.standings[i];
      if (!is_lost(standing) && standing != Standing::failing) continue;
      const auto& error = view.state->sources[i]->error;
      const auto reason = error ? std::optional(error->reason) : std::nullopt;
      by_source[{!is_lost(standing), static_cast<Source>(i), reason}].push_back(&view);
    }
  }
  std::vector<Failure> failures;
  for (auto& [key, endpoints] : by_source) {
    const auto& [good, source, reason] = key;
    const Failure next{!good, {source}, reason, std::move(endpoints)};
    const auto alike = std::find_if(failures.begin(), failures.end(), [&](const Failure& other) {
      return std::tie(other.lost, other.reason, other.endpoints) ==
             std::tie(next.lost, next.reason, next.endpoints);
    });
    if (alike == failures.end()) {
      failures.push_back(next);
    } else {
      alike->sources.push_back(source);
    }
  }
  return failures;
}

// What only the account's log tells: no endpoint is known, or none has the source.
void add_logged(const AccountView& account, std::vector<Failure>& failures) {
  for (const auto& [key, log] : account.page->state.polls) {
    if (!log->endpoint_id.empty() || log->polls.empty()) continue;
    const auto& reason = log->polls.back().reason;
    const bool told = std::any_of(failures.begin(), failures.end(),
                                  [&](const Failure& other) { return other.reason == reason; });
    if (!reason || told) continue;
    failures.push_back(
        {.lost = account.endpoints.empty(), .sources = log->supplies, .reason = reason});
  }
}

Gravity gravity_of(const Failure& failure) {
  if (!failure.lost) return Gravity::failing;
  const auto& sources = failure.sources;
  const bool workers = std::find(sources.begin(), sources.end(), Source::workers) != sources.end();
  return workers || failure.endpoints.empty() ? Gravity::blind : Gravity::lacking;
}

std::string_view standing_text(const Failure& failure) {
  if (!failure.lost) return "Failing, data still good";
  bool missing = failure.endpoints.empty();
  bool too_old = false;
  for (const auto* view : failure.endpoints) {
    for (const Source source : failure.sources) {
      const auto standing = view->standings[static_cast<std::size_t>(source)];
      (standing == Standing::missing ? missing : too_old) = true;
    }
  }
  return missing && too_old ? "Missing or too old" : missing ? "Missing" : "Too old";
}

std::string names_of(const std::vector<Source>& sources) {
  std::vector<std::string_view> names;
  names.reserve(sources.size());
  for (const Source source : sources) names.push_back(name(source));
  return enumerate(names);
}

// "llama", "llama and 2 more endpoints".
std::string first_of(const std::string& first, std::size_t count) {
  if (count == 1) return first;
  return fmt::format("{} and {}", first, plural(count - 1, "more endpoint", "more endpoints"));
}

std::string polls_link(const AccountView& account, const Endpoints& endpoints) {
  auto url = with_argument("/debug/polls", "account", account.page->state.name);
  if (endpoints.size() == 1) url = with_argument(url, "endpoint", endpoints[0]->state->info.id);
  return link(url, "its polls");
}

Trouble trouble_of(const AccountView& account, const Failure& failure) {
  std::string what = "list of endpoints";
  if (!account.endpoints.empty()) what = names_of(failure.sources);
  if (!failure.endpoints.empty()) {
    what += " of " + first_of(title_of(*failure.endpoints[0]->state), failure.endpoints.size());
  }
  std::string why = "No poll failed. <em>Look at the exporter's log.</em>";
  if (failure.reason) {
    const auto tip = advice(*failure.reason);
    why = fmt::format("{}: {} <em>{}</em>", name(*failure.reason), tip.what, tip.to_do);
  }
  return {.gravity = gravity_of(failure),
          .text = fmt::format("<strong>{}: {} ({}).</strong> {} {}", standing_text(failure), what,
                              isolate(account.page->state.name), why,
                              polls_link(account, failure.endpoints))};
}

std::optional<Trouble> unhealthy_of(const AccountView& account) {
  const auto& name = account.page->state.name;
  Endpoints endpoints;
  std::size_t count = 0;
  for (const auto& view : account.endpoints) {
    const auto own = view.count(Status::unhealthy);
    if (own == 0) continue;
    endpoints.push_back(&view);
    count += static_cast<std::size_t>(own);
  }
  if (endpoints.empty()) return std::nullopt;
  WorkerQuery query{.account = name, .status = Status::unhealthy};
  if (endpoints.size() == 1) query.endpoint = endpoints[0]->state->info.id;
  return Trouble{.gravity = Gravity::unhealthy,
                 .text = fmt::format(
                     "<strong>Unhealthy: {} of {} ({}).</strong> <em>Read the log in the "
                     "provider's console.</em>",
                     link(url_of(query), plural(count, "worker", "workers")),
                     first_of(title_of(*endpoints[0]->state), endpoints.size()), isolate(name))};
}

Trouble refused_by(const AccountView& account, std::string_view api) {
  return {.gravity = Gravity::refused,
          .text = fmt::format("<strong>Refused, or not answered: the last request to the {} API "
                              "({}).</strong> {}",
                              isolate(api), isolate(account.page->state.name),
                              polls_link(account, {}))};
}

Trouble without_endpoints(const AccountView& account) {
  const auto& state = account.page->state;
  const auto name = isolate(state.name);
  return {.gravity = Gravity::empty,
          .text = state.discovered
                      ? fmt::format("<strong>No endpoint ({}).</strong> The provider lists none. "
                                    "<em>Check whose key it is.</em>",
                                    name)
                      : fmt::format("<strong>No endpoint is known yet ({}).</strong>", name)};
}

}  // namespace

std::vector<Trouble> troubles_of(const std::vector<AccountView>& accounts) {
  std::vector<Trouble> troubles;
  for (const auto& account : accounts) {
    auto failures = failures_of(account);
    add_logged(account, failures);
    for (const auto& failure : failures) troubles.push_back(trouble_of(account, failure));
    if (auto unhealthy = unhealthy_of(account)) troubles.push_back(std::move(*unhealthy));
    if (!failures.empty()) continue;
    for (const auto& [api, known] : account.page->state.apis) {
      if (known.up == false) troubles.push_back(refused_by(account, api));
    }
    if (account.endpoints.empty() && !account.elsewhere()) {
      troubles.push_back(without_endpoints(account));
    }
  }
  std::stable_sort(troubles.begin(), troubles.end(),
                   [](const Trouble& a, const Trouble& b) { return a.gravity < b.gravity; });
  return troubles;
}

}  // namespace serverless::daemon
