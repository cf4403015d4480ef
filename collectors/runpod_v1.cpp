#include "collectors/runpod_v1.hpp"

#include <fmt/core.h>

#include <array>
#include <memory>
#include <utility>

#include "collectors/by_id.hpp"
#include "collectors/json.hpp"
#include "collectors/runpod_queue.hpp"

namespace serverless::runpod_v1 {
namespace {

using Kind = json::Value::Kind;

constexpr std::string_view kInclude = "?includeWorkers=true&includeTemplate=true";

/// What the endpoint says and its workers are compared with.
struct Wanted {
  std::optional<std::int64_t> version{};
  std::string image{};
};

Status status_of(std::string_view word) {
  if (word == "running") return Status::active;
  if (word == "exited") return Status::stopped;
  return Status::unknown;
}

/// Words of a worker that exists no more.
bool is_gone(std::string_view word) { return word == "terminated" || word == "deleted"; }

Staleness staleness_of(const Worker& worker, const Wanted& wanted) {
  const bool versions_known = !worker.version.empty() && wanted.version;
  const bool images_known = !worker.image.empty() && !wanted.image.empty();
  if (versions_known && worker.version != std::to_string(*wanted.version)) {
    return Staleness::version;
  }
  if (images_known && worker.image != wanted.image) return Staleness::image;
  return versions_known || images_known ? Staleness::current : Staleness::unknown;
}

/// Machines without a GPU name "unknown" as its type.
std::string_view known(std::string_view gpu_type) {
  return gpu_type == "unknown" ? std::string_view{} : gpu_type;
}

void read_machine(const json::Record& machine, Worker& worker) {
  worker.gpu_type = known(machine.text("gpuTypeId"));
  worker.location = machine.text("dataCenterId");
  if (worker.location.empty()) worker.location = machine.text("location");
  worker.maintenance_start = machine.time("maintenanceStart");
  worker.maintenance_end = machine.time("maintenanceEnd");
}

Worker read_worker(const json::Record& record, const Wanted& wanted) {
  Worker worker;
  worker.native_status = record.word("desiredStatus");
  if (is_gone(worker.native_status)) return worker;
  worker.status = status_of(worker.native_status);
  worker.version = record.id("slsVersion");
  worker.image = record.text("image");
  if (worker.image.empty()) worker.image = record.text("imageName");
  worker.staleness = staleness_of(worker, wanted);
  worker.interruptible = record.boolean("interruptible");

  read_machine(record.object("machine"), worker);
  const auto gpu = record.object("gpu");
  if (const auto gpus = gpu.count("count")) worker.gpus = static_cast<double>(*gpus);
  if (worker.gpu_type.empty()) worker.gpu_type = known(gpu.text("id"));
  worker.vcpus = record.amount("vcpuCount");
  // RunPod does not say which GB: taken as 10^9 bytes, as the unit is defined.
  if (const auto gigabytes = record.amount("memoryInGb")) worker.memory_bytes = *gigabytes * 1e9;

  worker.started_at = record.time("lastStartedAt");
  worker.up_since = worker.started_at;
  worker.cost_dollars_per_hour = record.amount("adjustedCostPerHr");
  if (!worker.cost_dollars_per_hour) worker.cost_dollars_per_hour = record.amount("costPerHr");
  return worker;
}

std::vector<Worker> read_workers(const json::Value& list, const std::string& list_path,
                                 const Wanted& wanted, Skipped& skipped) {
  ById<Worker> listed;
  std::size_t position = 0;
  for (const auto& value : list.inside()) {
    const auto path = fmt::format("{}/{}", list_path, position++);
    const auto found = json::identify(value, path, skipped);
    if (!found) continue;
    const auto& [id, record] = *found;
    if (!record.has("desiredStatus")) {
      skipped.add(Skip::bad_field, path + "/desiredStatus: expected a string");
    }
    auto worker = read_worker(record, wanted);
    worker.id = id;
    if (!listed.put(id, std::move(worker)).second) skipped.duplicate(path);
  }
  auto workers = listed.take();
  std::erase_if(workers, [](const Worker& worker) { return is_gone(worker.native_status); });
  return workers;
}

/// @return without an id where the record has none.
Endpoint read_endpoint(const json::Value& value, const std::string& path) {
  Endpoint endpoint;
  auto& info = endpoint.info;
  const json::Record record{&value, path, info.skipped};
  info.id = record.id("id");
  if (info.id.empty()) return endpoint;
  info.name = record.text("name");
  info.api = "v1";
  info.scaler = record.word("scalerType");
  info.workers_min = record.amount("workersMin");
  info.workers_max = record.amount("workersMax");
  info.idle_timeout_seconds = record.amount("idleTimeout");
  if (const auto timeout = record.amount("executionTimeoutMs")) {
    info.execution_timeout_seconds = *timeout / 1000;
  }
  info.scaler_value = record.amount("scalerValue");
  info.created_at = record.time("createdAt");

  const Wanted wanted{.version = record.count("version"),
                      .image = std::string{record.object("template").text("imageName")}};
  WorkersReport report{.config_version = wanted.version, .lifecycle_only = true, .priced = true};
  // It was asked for, so that its absence says that there are none.
  if (record.has("workers")) {
    const auto* workers = value.find("workers");
    if (workers->kind != Kind::array) {
      endpoint.workers = fail(Reason::schema, path + "/workers: expected an array");
      return endpoint;
    }
    report.workers = read_workers(*workers, path + "/workers", wanted, report.skipped);
  }
  endpoint.workers = std::move(report);
  return endpoint;
}

Error retired(int status) {
  return {.reason = Reason::gone,
          .detail = fmt::format("HTTP {}: RunPod announced that REST v1 retires on 2026-11-15; use "
                                "provider = \"runpod\"",
                                status)};
}

std::optional<Error> judge_list(const http::Response& response) {
  const int status = response.status;
  if (status == 301 || status == 308 || status == 404 || status == 410) return retired(status);
  return std::nullopt;
}

/// A 404 says that the endpoint is not there, and nothing of the API.
std::optional<Error> judge_endpoint(const http::Response& response) {
  return response.status == 404 ? std::nullopt : judge_list(response);
}

void append(Endpoint endpoint, std::optional<Time> answered_at, std::vector<Answer>& answers) {
  const auto id = endpoint.info.id;
  if (endpoint.workers) endpoint.workers->answered_at = answered_at;
  answers.push_back({id, Source::workers, std::move(endpoint.workers)});
  answers.push_back({id, Source::catalog, std::move(endpoint.info)});
}

Poll failed(const Target& target, const Error& error) {
  Poll poll;
  for (const auto source : target.supplies) {
    poll.answers.push_back({target.endpoint_id, source, tl::make_unexpected(error)});
  }
  return poll;
}

class RunPodV1 final : public Collector {
 public:
  explicit RunPodV1(const config::Account& account)
      : api_url_(account.setting<std::string>("api_url")),
        queue_url_(account.setting<std::string>("queue_url")),
        configured_(account.endpoints) {}

  [[nodiscard]] std::vector<EndpointInfo> configured() const override {
    std::vector<EndpointInfo> endpoints;
    for (const auto& id : configured_) endpoints.push_back({.id = id, .api = "v1"});
    return endpoints;
  }

  [[nodiscard]] std::vector<Target> targets(
      std::span<const EndpointInfo> endpoints) const override {
    std::vector<Target> targets;
    if (configured_.empty()) {
      targets.push_back({.operation = "list_endpoints",
                         .api = "control",
                         .supplies = {Source::workers, Source::catalog}});
    }
    for (const auto& endpoint : endpoints) {
      if (!configured_.empty()) {
        targets.push_back({.operation = "get_endpoint",
                           .api = "control",
                           .endpoint_id = endpoint.id,
                           .supplies = {Source::workers, Source::catalog}});
      }
      targets.push_back(runpod_queue::target(endpoint.id));
    }
    return targets;
  }

  [[nodiscard]] Poll poll(const Target& target, http::Client& client) const override {
    if (target.operation == "list_endpoints") return list_endpoints(target, client);
    if (target.operation == "get_endpoint") return get_endpoint(target, client);
    return runpod_queue::poll(target, queue_url_, client);
  }

 private:
  [[nodiscard]] http::Request request(const Target& target, const std::string& path) const {
    return {.api = target.api,
            .operation = target.operation,
            .url = api_url_ + path + std::string{kInclude}};
  }

  [[nodiscard]] Poll list_endpoints(const Target& target, http::Client& client) const {
    const auto response = http::fetch(client, request(target, "/endpoints"), judge_list);
    if (!response) return failed(target, response.error());
    auto list = parse_endpoints(response->body);
    if (!list) return failed(target, list.error());

    Poll poll;
    std::vector<std::string> ids;
    for (auto& endpoint : list->endpoints) {
      ids.push_back(endpoint.info.id);
      append(std::move(endpoint), response->date(), poll.answers);
    }
    if (list->complete) {
      poll.listing = std::move(ids);
      return poll;
    }
    // What the list has stands; whoever is not in it may be the record that cannot be read.
    for (auto& answer : failed(target, {.reason = Reason::schema,
                                       .detail = "a record of the list of endpoints has no id"})
                            .answers) {
      poll.answers.push_back(std::move(answer));
    }
    return poll;
  }

  [[nodiscard]] Poll get_endpoint(const Target& target, http::Client& client) const {
    const auto path = "/endpoints/" + http::url_encode(target.endpoint_id);
    const auto response = http::fetch(client, request(target, path), judge_endpoint);
    if (!response) return failed(target, response.error());
    auto endpoint = parse_endpoint(response->body);
    if (!endpoint) return failed(target, endpoint.error());
    if (endpoint->info.id != target.endpoint_id) {
      return failed(target, {.reason = Reason::schema,
                             .detail = "/id: expected the endpoint that was asked for"});
    }
    Poll poll;
    append(std::move(*endpoint), response->date(), poll.answers);
    return poll;
  }

  std::string api_url_;
  std::string queue_url_;
  std::vector<std::string> configured_;
};

std::optional<std::string> check_api_url(std::string_view url) {
  if (runpod_queue::is_at(url, "runpod.ai")) {
    return "runpod.ai is the job queue and belongs into queue_url; REST v1 is at "
           "https://rest.runpod.io/v1";
  }
  if (runpod_queue::is_at(url, "api.runpod.io")) {
    return "api.runpod.io is REST v2, which is provider \"runpod\"; v1 is at "
           "https://rest.runpod.io/v1";
  }
  return std::nullopt;
}

std::unique_ptr<Collector> make(const config::Account& account) {
  return std::make_unique<RunPodV1>(account);
}

}  // namespace

Result<Endpoints> parse_endpoints(std::string_view body) {
  Endpoints list;
  ById<Endpoint> endpoints;
  const auto root = json::decode(
      body, "",
      [&list, &endpoints](const std::string& path, const json::Value& value) {
        auto endpoint = read_endpoint(value, path);
        if (endpoint.info.id.empty()) {
          list.complete = false;
          return;
        }
        const auto id = endpoint.info.id;
        const auto [kept, is_new] = endpoints.put(id, std::move(endpoint));
        if (!is_new) kept.info.skipped.duplicate(path);
      },
      kMostEndpoints);
  if (!root) return tl::make_unexpected(root.error());
  if (root->kind != Kind::array) return fail(Reason::schema, "expected an array");
  list.endpoints = endpoints.take();
  return list;
}

Result<Endpoint> parse_endpoint(std::string_view body) {
  const auto root = json::decode(body);
  if (!root) return tl::make_unexpected(root.error());
  if (root->kind != Kind::object) return fail(Reason::schema, "expected an object");
  auto endpoint = read_endpoint(*root, "");
  if (endpoint.info.id.empty()) return fail(Reason::schema, "/id: expected an id");
  return endpoint;
}

Provider provider() {
  static const std::array kKeys{
      config::KeySpec{.name = "api_url",
                      .type = config::KeySpec::Type::url,
                      .fallback = std::string{"https://rest.runpod.io/v1"},
                      .help = "RunPod's control plane, REST v1",
                      .check = check_api_url},
      runpod_queue::queue_url_key()};
  static constexpr std::array kStatuses{Status::running,      Status::idle,      Status::active,
                                        Status::initializing, Status::throttled, Status::unhealthy,
                                        Status::stopped,      Status::unknown};
  static constexpr std::array kStaleReasons{Staleness::version, Staleness::image};
  return {.name = "runpod-v1",
          .label = "runpod",
          .summary = "RunPod serverless endpoints, REST v1 (announced to retire on 2026-11-15)",
          .keys = kKeys,
          .discovers = true,
          .statuses = kStatuses,
          .stale_reasons = kStaleReasons,
          .make = make};
}

}  // namespace serverless::runpod_v1
