#include "collectors/runpod.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "collectors/by_id.hpp"
#include "collectors/json.hpp"
#include "collectors/runpod_queue.hpp"

namespace serverless::runpod {
namespace {

std::string kind_of(std::string_view type) {
  if (type == "queue" || type == "load_balancer") return std::string{type};
  return {};
}

EndpointInfo read_endpoint(const json::Record& record) {
  EndpointInfo info;
  info.name = record.text("name");
  info.kind = kind_of(record.word("type"));
  info.api = "v2";
  const auto workers = record.object("workers");
  info.workers_min = workers.amount("min");
  info.workers_max = workers.amount("max");
  info.idle_timeout_seconds = workers.amount("idleTimeout");
  const auto scaling = record.object("scaling");
  info.scaler = scaling.word("type");
  // Only one of the two is sent: the type says which.
  info.scaler_value = scaling.amount("queueDelay");
  if (!info.scaler_value) info.scaler_value = scaling.amount("requestCount");
  if (const auto timeout = record.amount("timeout")) {
    info.execution_timeout_seconds = *timeout / 1000;
  }
  info.created_at = record.time("createdAt");
  return info;
}

Status status_of(std::string_view word) {
  if (word == "exited" || word == "stopped") return Status::stopped;
  for (const auto status : {Status::running, Status::idle, Status::initializing, Status::throttled,
                            Status::unhealthy}) {
    if (word == name(status)) return status;
  }
  return Status::unknown;
}

/// Words of a worker that exists no more.
bool is_gone(std::string_view word) { return word == "terminated" || word == "deleted"; }

/// The flag is authoritative. RunPod has compared container images, unless the versions differ.
Staleness staleness_of(std::optional<bool> is_stale) {
  if (!is_stale) return Staleness::unknown;
  return *is_stale ? Staleness::image : Staleness::current;
}

Worker read_worker(const json::Record& record) {
  Worker worker;
  worker.native_status = record.word("status");
  if (is_gone(worker.native_status)) return worker;
  worker.status = status_of(worker.native_status);
  worker.version = record.id("version");
  worker.image = record.text("image");
  worker.gpu_type = record.text("gpuTypeId");
  worker.location = record.text("dataCenterId");
  if (const auto gpus = record.count("gpuCount")) worker.gpus = static_cast<double>(*gpus);
  worker.uptime_seconds = record.amount("uptimeSeconds");
  // The start of the pod, which outlives its containers: no uptime can be made of it.
  worker.started_at = record.time("startedAt");
  worker.staleness = staleness_of(record.boolean("isStale"));
  return worker;
}

/// The workers of one answer.
class WorkerList {
 public:
  explicit WorkerList(Skipped& skipped) : skipped_(skipped) {}

  void add(const std::string& path, const json::Value& value) {
    const auto found = json::identify(value, path, skipped_);
    if (!found) return;
    const auto& [id, record] = *found;
    if (!record.has("status")) skipped_.add(Skip::bad_field, path + "/status: expected a string");
    auto worker = read_worker(record);
    worker.id = id;
    if (!workers_.put(id, std::move(worker)).second) skipped_.duplicate(path);
  }

  /// The versions are compared at the end, because the endpoint's may follow the list.
  std::vector<Worker> take(std::optional<std::int64_t> endpoint_version) {
    auto workers = workers_.take();
    std::erase_if(workers, [](const Worker& worker) { return is_gone(worker.native_status); });
    if (!endpoint_version) return workers;
    const auto current = std::to_string(*endpoint_version);
    for (auto& worker : workers) {
      const bool differs = !worker.version.empty() && worker.version != current;
      if (differs && is_stale(worker.staleness)) worker.staleness = Staleness::version;
    }
    return workers;
  }

 private:
  Skipped& skipped_;
  ById<Worker> workers_{};
};

struct Bill {
  std::string endpoint_id{};
  Time end{};
  Result<BillingReport> report{};
};

/// Nothing for a record of no endpoint.
Result<std::optional<Bill>> read_bill(const json::Value& value, const std::string& path) {
  Skipped skipped;
  const json::Record record{&value, path, skipped};
  std::string id{record.id("serverlessId")};
  if (id.empty()) return std::nullopt;
  const auto end = record.time("endTime");
  if (!end) return fail(Reason::schema, path + "/endTime: expected a time");
  const auto dollars = record.amount("totalAmount");
  if (!dollars) {
    return Bill{std::move(id), *end,
                fail(Reason::schema, path + "/totalAmount: expected an amount")};
  }
  return Bill{std::move(id), *end, BillingReport{.dollars = *dollars}};
}

class RunPod final : public Collector {
 public:
  explicit RunPod(const config::Account& account)
      : api_url_(account.setting<std::string>("api_url")),
        queue_url_(account.setting<std::string>("queue_url")),
        configured_(account.endpoints) {}

  [[nodiscard]] std::vector<EndpointInfo> configured() const override {
    std::vector<EndpointInfo> endpoints;
    for (const auto& id : configured_) endpoints.push_back({.id = id, .api = "v2"});
    return endpoints;
  }

  [[nodiscard]] std::vector<Target> targets(
      std::span<const EndpointInfo> endpoints) const override {
    std::vector<Target> targets{{.operation = "list_endpoints",
                                 .api = "control",
                                 .supplies = {Source::catalog},
                                 .slow = true}};
    if (endpoints.empty()) return targets;
    targets.push_back({.operation = "list_billing",
                       .api = "control",
                       .supplies = {Source::billing},
                       .slow = true});
    for (const auto& endpoint : endpoints) {
      targets.push_back({.operation = "list_workers",
                         .api = "control",
                         .endpoint_id = endpoint.id,
                         .supplies = {Source::workers}});
      targets.push_back(runpod_queue::target(endpoint.id));
    }
    return targets;
  }

  [[nodiscard]] Poll poll(const Target& target, http::Client& client) const override {
    if (target.operation == "list_endpoints") return list_endpoints(target, client);
    if (target.operation == "list_billing") return list_billing(target, client);
    if (target.operation == "list_workers") return list_workers(target, client);
    return runpod_queue::poll(target, queue_url_, client);
  }

 private:
  [[nodiscard]] Result<http::Response> get(const Target& target, const std::string& path,
                                           http::Client& client) const {
    return http::fetch(client,
                       {.api = target.api, .operation = target.operation, .url = api_url_ + path});
  }

  [[nodiscard]] bool wants(const std::string& endpoint_id) const {
    return configured_.empty() ||
           std::find(configured_.begin(), configured_.end(), endpoint_id) != configured_.end();
  }

  [[nodiscard]] Poll list_endpoints(const Target& target, http::Client& client) const {
    auto list = get(target, "/v2/serverless", client).and_then([](const http::Response& response) {
      return parse_endpoints(response.body);
    });
    if (!list) return {.answers = {{"", Source::catalog, tl::make_unexpected(list.error())}}};

    Poll poll;
    std::vector<std::string> ids;
    for (auto& endpoint : list->endpoints) {
      ids.push_back(endpoint.id);
      if (!wants(endpoint.id)) continue;
      auto id = endpoint.id;
      poll.answers.push_back({std::move(id), Source::catalog, std::move(endpoint)});
    }
    if (!list->complete) {
      // What the list has stands; whoever is not in it may be the record that cannot be read.
      poll.answers.push_back({"", Source::catalog,
                              fail(Reason::schema, "a record of the list of endpoints has no id")});
      return poll;
    }
    for (const auto& id : configured_) {
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
      poll.answers.push_back(
          {id, Source::catalog, fail(Reason::not_found, "not in the list of endpoints")});
    }
    poll.listing = std::move(ids);
    return poll;
  }

  [[nodiscard]] Poll list_workers(const Target& target, http::Client& client) const {
    auto report =
        get(target, "/v2/serverless/" + http::url_encode(target.endpoint_id) + "/workers", client)
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

  [[nodiscard]] Poll list_billing(const Target& target, http::Client& client) const {
    using Bills = Result<std::map<std::string, Result<BillingReport>>>;
    auto bills = get(target, "/v2/billing/serverless?bucketSize=hour&lastN=2", client)
                     .and_then([](const http::Response& response) -> Bills {
                       const auto now = response.date();
                       if (!now) {
                         return fail(Reason::schema, "no Date header to tell a whole hour by");
                       }
                       return parse_billing(response.body, *now);
                     });
    if (!bills) return {.answers = {{"", Source::billing, tl::make_unexpected(bills.error())}}};

    Poll poll;
    for (auto& [id, report] : *bills) {
      if (wants(id)) poll.answers.push_back({id, Source::billing, std::move(report)});
    }
    // The list was read: whoever is not in it was not billed.
    poll.answers.push_back({"", Source::billing, BillingReport{}});
    return poll;
  }

  std::string api_url_;
  std::string queue_url_;
  std::vector<std::string> configured_;
};

std::optional<std::string> check_api_url(std::string_view url) {
  if (runpod_queue::is_at(url, "runpod.ai")) {
    return "runpod.ai is the job queue and belongs into queue_url; the control plane is at "
           "https://api.runpod.io";
  }
  if (runpod_queue::is_at(url, "rest.runpod.io")) {
    return "rest.runpod.io is REST v1, which is provider \"runpod-v1\"; v2 is at "
           "https://api.runpod.io";
  }
  if (url.ends_with("/v2") || url.ends_with("/v2/")) return "leave the /v2 at its end out";
  return std::nullopt;
}

std::unique_ptr<Collector> make(const config::Account& account) {
  return std::make_unique<RunPod>(account);
}

}  // namespace

Result<Endpoints> parse_endpoints(std::string_view body) {
  Endpoints list;
  ById<EndpointInfo> endpoints;
  const auto root = json::decode(
      body, "endpoints",
      [&list, &endpoints](const std::string& path, const json::Value& value) {
        Skipped skipped;
        const auto found = json::identify(value, path, skipped);
        if (!found) {
          list.complete = false;
          return;
        }
        auto info = read_endpoint(found->record);
        info.id = found->id;
        info.skipped = std::move(skipped);
        const auto [kept, is_new] = endpoints.put(found->id, std::move(info));
        if (!is_new) kept.skipped.duplicate(path);
      },
      kMostEndpoints);
  if (!root) return tl::make_unexpected(root.error());
  if (root->find("endpoints") == nullptr) {
    return fail(Reason::schema, "/endpoints: expected an array");
  }
  list.endpoints = endpoints.take();
  return list;
}

Result<WorkersReport> parse_workers(std::string_view body) {
  WorkersReport report;
  WorkerList workers{report.skipped};
  const auto root = json::decode(
      body, "workers",
      [&workers](const std::string& path, const json::Value& value) { workers.add(path, value); });
  if (!root) return tl::make_unexpected(root.error());
  if (root->find("workers") == nullptr) {
    return fail(Reason::schema, "/workers: expected an array");
  }

  const json::Record record{&*root, "", report.skipped};
  report.config_version = record.count("endpointVersion");
  report.workers = workers.take(report.config_version);
  const auto summary = record.object("summary");
  for (const auto status : {Status::running, Status::idle, Status::initializing, Status::throttled,
                            Status::unhealthy}) {
    report.summary[static_cast<std::size_t>(status)] = summary.count(name(status));
  }
  report.summary_total = summary.count("total");
  return report;
}

Result<std::map<std::string, Result<BillingReport>>> parse_billing(std::string_view body,
                                                                   Time now) {
  std::vector<Bill> bills;
  std::optional<Error> error;
  const auto root =
      json::decode(body, "records", [&](const std::string& path, const json::Value& value) {
        auto bill = read_bill(value, path);
        if (!bill) {
          if (!error) error = bill.error();
        } else if (*bill) {
          bills.push_back(std::move(**bill));
        }
      });
  if (!root) return tl::make_unexpected(root.error());
  if (root->find("records") == nullptr) return fail(Reason::schema, "/records: expected an array");
  if (error) return tl::make_unexpected(*error);

  // One hour for all endpoints: those that it did not bill must not show an older one.
  std::optional<Time> hour;
  for (const auto& bill : bills) {
    const bool whole = bill.end <= now && now - bill.end < std::chrono::hours{2};
    if (whole && (!hour || *hour < bill.end)) hour = bill.end;
  }
  std::map<std::string, Result<BillingReport>> reports;
  for (auto& bill : bills) {
    if (bill.end != hour) continue;
    const auto [entry, is_new] = reports.try_emplace(bill.endpoint_id, bill.report);
    if (is_new || !entry->second) continue;
    if (bill.report) {
      *entry->second->dollars += *bill.report->dollars;
    } else {
      entry->second = std::move(bill.report);
    }
  }
  return reports;
}

Provider provider() {
  static const std::array kKeys{config::KeySpec{.name = "api_url",
                                                .type = config::KeySpec::Type::url,
                                                .fallback = std::string{"https://api.runpod.io"},
                                                .help = "RunPod's control plane, REST v2",
                                                .check = check_api_url},
                                runpod_queue::queue_url_key()};
  static constexpr std::array kStatuses{Status::running,      Status::idle,      Status::active,
                                        Status::initializing, Status::throttled, Status::unhealthy,
                                        Status::stopped,      Status::unknown};
  static constexpr std::array kStaleReasons{Staleness::version, Staleness::image};
  // Bills move by the hour.
  static constexpr std::array kSpacings{Spacing{"list_billing", std::chrono::minutes{5}}};
  static constexpr std::array<std::string_view, 17> kReadOfLists{
      "endpoints", "id",          "name",         "type",       "workers",      "min",
      "max",       "idleTimeout", "scaling",      "queueDelay", "requestCount", "timeout",
      "createdAt", "records",     "serverlessId", "endTime",    "totalAmount"};
  return {.name = "runpod",
          .label = "runpod",
          .summary = "RunPod serverless endpoints, REST v2",
          .keys = kKeys,
          .discovers = true,
          .statuses = kStatuses,
          .stale_reasons = kStaleReasons,
          .policy = {.spacings = kSpacings},
          .read_of_lists = kReadOfLists,
          .make = make};
}

}  // namespace serverless::runpod
