#include "collectors/vast.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "collectors/http.hpp"

namespace serverless::vast {
namespace {

constexpr std::size_t kMaxPages = 4000;  // Of 25 instances.

/// Is it what Vast.ai's ids are? Then it may stand in a request's JSON as it is.
bool is_integer(std::string_view id) {
  return !id.empty() && id.size() <= 18 && (id.front() != '0' || id.size() == 1) &&
         id.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::string> check_group(std::string_view id) {
  if (is_integer(id)) return std::nullopt;
  return "the id of a worker group is an integer";
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Answer failed(std::string endpoint_id, Source source, const Error& error) {
  return {std::move(endpoint_id), source, tl::make_unexpected(error)};
}

class Vast final : public Collector {
 public:
  explicit Vast(const config::Account& account)
      : api_url_(account.setting<std::string>("api_url")),
        autoscaler_url_(account.setting<std::string>("autoscaler_url")),
        configured_(account.endpoints),
        groups_(account.setting<std::vector<std::string>>("groups")),
        join_instances_(account.setting<bool>("join_instances")) {}

  [[nodiscard]] std::vector<EndpointInfo> configured() const override {
    std::vector<EndpointInfo> endpoints;
    for (const auto& id : configured_) {
      endpoints.push_back({.id = id, .kind = "autoscaled", .api = "v0"});
    }
    if (endpoints.size() == 1 && !groups_.empty()) endpoints.front().groups = groups_;
    return endpoints;
  }

  [[nodiscard]] std::vector<Target> targets(
      std::span<const EndpointInfo> endpoints) const override {
    std::vector<Target> targets{{.operation = "list_endpoints",
                                 .api = "console",
                                 .supplies = {Source::catalog},
                                 .slow = true}};
    if (endpoints.empty()) return targets;
    if (join_instances_) {
      targets.push_back(
          {.operation = "list_instances", .api = "console", .supplies = {Source::instances}});
    }
    for (const auto& endpoint : endpoints) {
      targets.push_back({.operation = "get_endpoint_workers",
                         .api = "autoscaler",
                         .endpoint_id = endpoint.id,
                         .supplies = {Source::workers}});
      if (!endpoint.groups || endpoint.groups->empty()) continue;
      targets.push_back({.operation = "get_group_workers",
                         .api = "autoscaler",
                         .endpoint_id = endpoint.id,
                         .supplies = {Source::groups},
                         .groups = *endpoint.groups});
    }
    return targets;
  }

  [[nodiscard]] Poll poll(const Target& target, http::Client& client) const override {
    if (target.operation == "list_endpoints") return list_endpoints(client);
    if (target.operation == "list_instances") return list_instances(client);
    if (target.operation == "get_group_workers") return get_group_workers(target, client);
    return get_endpoint_workers(target, client);
  }

 private:
  [[nodiscard]] http::Request get(std::string operation, std::string_view path) const {
    return {.api = "console",
            .operation = std::move(operation),
            .url = fmt::format("{}{}", api_url_, path)};
  }

  [[nodiscard]] Result<http::Response> ask_autoscaler(const Target& target, std::string_view route,
                                                      std::string_view id,
                                                      http::Client& client) const {
    if (!is_integer(id)) return fail(Reason::not_found, "an id at Vast.ai is an integer");
    return http::fetch(client,
                       {.api = target.api,
                        .operation = target.operation,
                        .method = "POST",
                        .url = fmt::format("{}/{}/", autoscaler_url_, route),
                        .body = fmt::format("{{\"id\":{}}}", id)},
                       judge_answer);
  }

  [[nodiscard]] Poll get_endpoint_workers(const Target& target, http::Client& client) const {
    auto report = ask_autoscaler(target, "get_endpoint_workers", target.endpoint_id, client)
                      .and_then([](const http::Response& response) {
                        auto workers = parse_workers(response.body);
                        if (workers) workers->answered_at = response.date();
                        return workers;
                      });
    // From between braces the list would be copied.
    Poll poll;
    poll.answers.push_back({target.endpoint_id, Source::workers, std::move(report)});
    return poll;
  }

  /// All groups or an error: with one missing, its workers would seem to be in no group.
  [[nodiscard]] Poll get_group_workers(const Target& target, http::Client& client) const {
    GroupsReport report;
    for (const auto& id : target.groups) {
      auto workers = group_workers(target, id, client);
      if (!workers) {
        return {.answers = {failed(target.endpoint_id, Source::groups, workers.error())}};
      }
      report.groups.push_back({.id = id, .workers = std::move(workers->ids)});
      report.skipped.merge(workers->skipped);
    }
    return {.answers = {{target.endpoint_id, Source::groups, std::move(report)}}};
  }

  /// The route has two names, and which one is there is not documented.
  [[nodiscard]] Result<GroupWorkers> group_workers(const Target& target, const std::string& id,
                                                   http::Client& client) const {
    static constexpr std::array<std::string_view, 2> kRoutes{"get_autogroup_workers",
                                                             "get_workergroup_workers"};
    const std::size_t first = second_route_.load(std::memory_order_relaxed) ? 1 : 0;
    auto response = ask_autoscaler(target, kRoutes[first], id, client);
    if (!response && response.error().reason == Reason::not_found && is_integer(id)) {
      response = ask_autoscaler(target, kRoutes[1 - first], id, client);
      if (response) second_route_.store(first == 0, std::memory_order_relaxed);
    }
    return response.and_then(
        [](const http::Response& answer) { return parse_group_workers(answer.body); });
  }

  [[nodiscard]] static Result<EndpointList> fetch_endpoints(const http::Request& request,
                                                            http::Client& client) {
    const auto response = client.send(request);
    if (!response) return tl::make_unexpected(response.error());
    auto error = judge_answer(*response);
    if (!error) return parse_endpoints(response->body);
    auto list = parse_endpoints(response->body);
    const bool none = response->status == 400 && list && list->endpoints.empty();
    if (none) return list;
    return tl::make_unexpected(std::move(*error));
  }

  /// Gives the endpoints their groups.
  /// @return why they have none.
  [[nodiscard]] std::optional<Error> add_groups(EndpointList& list, http::Client& client) const {
    auto groups =
        http::fetch(client, get("list_groups", "/api/v0/workergroups/"), judge_answer)
            .and_then([](const http::Response& response) { return parse_groups(response.body); });
    if (!groups) return groups.error();
    list.skipped.merge(groups->skipped);
    for (auto& endpoint : list.endpoints) {
      auto& known = endpoint.groups.emplace();
      for (auto& id : groups->by_endpoint[endpoint.id]) {
        if (groups_.empty() || contains(groups_, id)) known.push_back(std::move(id));
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] Poll list_endpoints(http::Client& client) const {
    auto list = fetch_endpoints(get("list_endpoints", "/api/v0/endptjobs/"), client);
    if (!list) return {.answers = {failed("", Source::catalog, list.error())}};

    Poll poll;
    // With a row that cannot be read, what is not in the list may exist all the same.
    const bool complete = list->skipped == Skipped{};
    const Error missing =
        complete
            ? Error{.reason = Reason::not_found, .detail = "not in the list of endpoints"}
            : Error{.reason = Reason::schema, .detail = "a row of the list of endpoints is none"};
    if (!list->endpoints.empty()) {
      const auto error = add_groups(*list, client);
      // A restricted key may do without groups; one that was told which it wants may not.
      if (error && (error->reason != Reason::forbidden || !groups_.empty())) {
        poll.answers.push_back(failed("", Source::groups, *error));
      }
      if (error && configured_.size() == 1) {
        for (auto& endpoint : list->endpoints) {
          if (endpoint.id == configured_.front()) endpoint.groups = groups_;
        }
      }
    }

    std::vector<std::string> ids;
    for (auto& endpoint : list->endpoints) {
      ids.push_back(endpoint.id);
      if (!configured_.empty() && !contains(configured_, endpoint.id)) continue;
      // Rows that belong to no endpoint are counted once, and somewhere.
      endpoint.skipped.merge(std::exchange(list->skipped, {}));
      auto id = endpoint.id;
      poll.answers.push_back({std::move(id), Source::catalog, std::move(endpoint)});
    }
    for (const auto& id : configured_) {
      if (!contains(ids, id)) poll.answers.push_back(failed(id, Source::catalog, missing));
    }
    if (complete) {
      poll.listing = std::move(ids);
    } else if (poll.answers.empty()) {
      poll.answers.push_back(failed("", Source::catalog, missing));
    }
    return poll;
  }

  [[nodiscard]] Poll list_instances(http::Client& client) const {
    auto report = fetch_instances(client);
    if (!report) return {.answers = {failed("", Source::instances, report.error())}};
    std::shared_ptr<const InstancesReport> shared =
        std::make_shared<InstancesReport>(std::move(*report));
    return {.answers = {{"", Source::instances, std::move(shared)}}};
  }

  [[nodiscard]] Result<InstancesReport> fetch_instances(http::Client& client) const {
    static constexpr std::string_view kPath = "/api/v1/instances/?limit=25";
    InstancesReport report;
    std::unordered_set<std::string> tokens;
    std::string token;
    for (std::size_t page_number = 0; page_number < kMaxPages; ++page_number) {
      auto request = get("list_instances", kPath);
      if (!token.empty()) request.url += "&after_token=" + http::url_encode(token);
      auto page =
          http::fetch(client, request, judge_answer).and_then([](const http::Response& response) {
            return parse_instances_page(response.body);
          });
      if (!page) return tl::make_unexpected(page.error());
      report.skipped.merge(page->skipped);
      for (auto& [id, instance] : page->instances) {
        const auto [entry, is_new] = report.by_id.insert_or_assign(id, std::move(instance));
        if (!is_new) report.skipped.add(Skip::duplicate_id, "an instance is on two pages");
      }
      token = std::move(page->next_token);
      if (token.empty()) return report;
      if (!tokens.insert(token).second) {
        return fail(Reason::provider, "the list of instances has a page twice");
      }
    }
    return fail(Reason::provider,
                fmt::format("the list of instances has over {} pages", kMaxPages));
  }

  std::string api_url_;
  std::string autoscaler_url_;
  std::vector<std::string> configured_;
  std::vector<std::string> groups_;
  bool join_instances_;
  /// Which of a route's two names is tried first; either is right.
  mutable std::atomic<bool> second_route_{false};
};

std::unique_ptr<Collector> make(const config::Account& account) {
  return std::make_unique<Vast>(account);
}

}  // namespace

Provider provider() {
  using Type = config::KeySpec::Type;
  static const std::array kKeys{
      config::KeySpec{.name = "api_url",
                      .type = Type::url,
                      .fallback = std::string{"https://console.vast.ai"},
                      .help = "Vast.ai's console: endpoints, worker groups, instances"},
      config::KeySpec{.name = "autoscaler_url",
                      .type = Type::url,
                      .fallback = std::string{"https://run.vast.ai"},
                      .help = "Vast.ai's autoscaler: workers"},
      config::KeySpec{.name = "groups",
                      .type = Type::list,
                      .fallback = std::vector<std::string>{},
                      .help = "Ids of the worker groups to ask for; empty: all. One that the "
                              "account does not list is left out",
                      .check = check_group},
      config::KeySpec{.name = "join_instances",
                      .type = Type::boolean,
                      .fallback = true,
                      .help = "Also read the account's instances, for prices and GPUs"},
  };
  static constexpr std::array kStatuses{Status::running,      Status::idle,      Status::active,
                                        Status::initializing, Status::unhealthy, Status::stopped,
                                        Status::unknown};
  static constexpr std::array kStaleReasons{Staleness::version};
  // The documented minima, and a tenth of a second for clocks that differ.
  static constexpr std::array kSpacings{
      Spacing{"get_endpoint_workers", std::chrono::milliseconds{1100}},
      Spacing{"get_group_workers", std::chrono::milliseconds{1100}},
      Spacing{"list_endpoints", std::chrono::milliseconds{3100}},
      Spacing{"list_groups", std::chrono::milliseconds{2100}},
      Spacing{"list_instances", std::chrono::milliseconds{1100}},
  };
  return {.name = "vast",
          .label = "vast",
          .summary = "Vast.ai serverless endpoints",
          .keys = kKeys,
          .discovers = true,
          .statuses = kStatuses,
          .stale_reasons = kStaleReasons,
          .policy = {.spacings = kSpacings},
          .make = make};
}

}  // namespace serverless::vast
