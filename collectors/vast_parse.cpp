#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <optional>

#include "collectors/by_id.hpp"
#include "collectors/json.hpp"
#include "collectors/vast.hpp"

// What Vast.ai's bodies say. Pure.
namespace serverless::vast {
namespace {

using Kind = json::Value::Kind;

constexpr double kBytesPerGigabyte = 1e9;
constexpr std::size_t kMaxMessage = 200;

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// Where a text says what a key is, and not only that it is wrong; or its end.
std::size_t end_before_key(std::string_view text) {
  static constexpr std::string_view kWord = "api_key";
  const auto folded = lower(text);
  for (auto at = folded.find(kWord); at != std::string::npos; at = folded.find(kWord, at + 1)) {
    const auto next = folded.find_first_not_of("\"' ", at + kWord.size());
    if (next != std::string::npos && (folded[next] == '=' || folded[next] == ':')) return at;
  }
  return text.size();
}

/// The provider's own words, made fit for a log: short, on one line, and without a key.
std::string clean(std::string_view message) {
  const auto end = end_before_key(message);
  std::string text{message.substr(0, end)};
  if (end < message.size()) text += "api_key (hidden)";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (text.size() <= kMaxMessage) return text;
  std::size_t cut = kMaxMessage;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  text.resize(cut);
  return text;
}

/// What is said in the place of a list: a text, or an object's `msg`.
std::string words_of(const json::Value& value) {
  if (value.kind == Kind::string) return clean(value.text);
  const auto* message = value.find("msg");
  return message != nullptr && message->kind == Kind::string ? clean(message->text) : std::string{};
}

/// The member, unless it is null, false or an empty text.
const json::Value* said(const json::Value& object, std::string_view key) {
  const auto* value = object.find(key);
  if (value == nullptr || value->kind == Kind::null) return nullptr;
  if (value->kind == Kind::boolean && !value->boolean) return nullptr;
  return value->kind == Kind::string && value->text.empty() ? nullptr : value;
}

bool is_auth_error(const json::Value& root) {
  const auto* error = root.find("error");
  return error != nullptr && error->kind == Kind::string && lower(error->text) == "auth_error";
}

/// {"success":false,...} and {"error":...}, which both APIs send with any code, 200 too.
std::optional<Error> refusal(const json::Value& root) {
  const auto* success = root.find("success");
  const bool failed = success != nullptr && success->kind == Kind::boolean && !success->boolean;
  const auto* error = said(root, "error");
  if (!failed && error == nullptr) return std::nullopt;
  std::string detail = error != nullptr ? words_of(*error) : std::string{};
  const auto message = words_of(root);
  if (!detail.empty() && !message.empty()) detail += ": ";
  detail += message;
  return Error{.reason = is_auth_error(root) ? Reason::auth : Reason::provider,
               .detail = detail.empty() ? "an error without words" : detail};
}

/// What the autoscaler says where a list of workers should be.
std::optional<Error> excuse(const json::Value& root) {
  const auto* message = root.kind == Kind::string ? &root : said(root, "error_msg");
  if (message == nullptr || is_auth_error(root)) return refusal(root);
  auto detail = words_of(*message);
  return Error{.reason = Reason::not_ready,
               .detail = detail.empty() ? "an error without words" : std::move(detail)};
}

/// Seven days and more are absurd, as in Retry-After.
std::optional<std::chrono::milliseconds> retry_after(const json::Value& root) {
  constexpr double kLongest = 7 * 86400;
  Skipped ignored;
  const auto seconds = json::Record{&root, "", ignored}.amount("retry_after");
  if (!seconds || *seconds > kLongest) return std::nullopt;
  return std::chrono::milliseconds{std::llround(*seconds * 1000)};
}

bool says_no_endpoints(const json::Value& root) {
  return !is_auth_error(root) && lower(words_of(root)).starts_with("no endpoints");
}

/// What a list comes in.
struct Container {
  std::string_view member{};  ///< Of the object around it.
  bool may_be_bare = false;   ///< The document may be the list itself.
  /// What a document says instead.
  std::optional<Error> (*refusal)(const json::Value&) = nullptr;
  std::size_t most = std::numeric_limits<std::size_t>::max();
};

constexpr Container kWorkers{.member = "workers", .may_be_bare = true, .refusal = excuse};
constexpr Container kResults{.member = "results", .refusal = refusal, .most = kMostEndpoints};
constexpr Container kInstances{.member = "instances", .refusal = refusal};

/// Gives the records that are objects and have an id to `take(value, path, id)`.
/// @return the rest of the document.
template <typename Take>
Result<json::Document> read_list(std::string_view body, const Container& container,
                                 Skipped& skipped, const Take& take) {
  auto root = json::decode(
      body, container.member,
      [&](const std::string& path, const json::Value& value) {
        if (const auto found = json::identify(value, path, skipped)) take(value, path, found->id);
      },
      container.most);
  // A member that is no array is no news where an error stands beside it.
  if (!root && root.error().reason == Reason::schema) {
    const auto whole = json::decode(body);
    if (!whole) return root;
    if (auto error = container.refusal(*whole)) return tl::make_unexpected(std::move(*error));
  }
  if (!root) return root;
  if (auto error = container.refusal(*root)) return tl::make_unexpected(std::move(*error));
  if (root->kind == Kind::array && container.may_be_bare) return root;
  if (root->find(container.member) != nullptr) return root;
  return fail(Reason::schema, fmt::format("/{}: expected an array", container.member));
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Status status_of(std::string_view word, std::optional<double> requests) {
  if (is_one_of(word, {"idle", "ready", "running", "update_ready"})) {
    if (!requests) return Status::active;
    return *requests > 0 ? Status::running : Status::idle;
  }
  if (is_one_of(word, {"creating", "created", "pending", "loading", "model_loading", "starting",
                       "rebooting", "update_rebooting", "update_starting"})) {
    return Status::initializing;
  }
  if (is_one_of(word, {"error", "unavail", "exited", "offline"})) return Status::unhealthy;
  if (is_one_of(word, {"stopping", "stop_queued", "stopped", "destroying"})) return Status::stopped;
  return Status::unknown;
}

/// Until a worker has been benchmarked, measured_perf is a copy of dlperf.
std::optional<bool> benchmarked(const Worker& worker, std::optional<bool> ready_ever) {
  const bool was_ready =
      ready_ever.value_or(false) || worker.model_loaded_at || is_ready(worker.status);
  if (!was_ready) return false;
  if (!worker.measured_perf || !worker.dlperf) return std::nullopt;
  return *worker.measured_perf != *worker.dlperf;
}

/// A number up to `most`, as a share of it.
std::optional<double> ratio(const json::Record& record, const std::string& path,
                            std::string_view key, double most, Skipped& skipped) {
  const auto value = record.number(key);
  if (!value) return std::nullopt;
  if (*value < 0 || *value > most) {
    skipped.add(Skip::bad_field, fmt::format("{}/{}: expected 0 to {}", path, key, most));
    return std::nullopt;
  }
  return *value / most;
}

Worker read_worker(const json::Value& value, const std::string& path, Skipped& skipped) {
  const json::Record record{&value, path, skipped};
  Worker worker;
  worker.requests_in_flight = record.amount("reqs_working");
  worker.native_status = record.word("status");
  if (worker.native_status.empty()) worker.native_status = "unknown";
  worker.status = status_of(worker.native_status, worker.requests_in_flight);
  worker.staleness =
      worker.native_status.starts_with("update_") ? Staleness::version : Staleness::current;
  worker.gpu_type = record.text("gpu_name");
  worker.version = record.id("deployment_version_id");

  worker.started_at = record.time("started_at");
  worker.model_loaded_at = record.time("loaded_at");
  worker.up_since = worker.started_at ? worker.started_at : worker.model_loaded_at;
  worker.created_at = record.time("created_at");

  worker.cur_load = record.number("cur_load");
  worker.new_load = record.number("new_load");
  worker.cur_load_rolling_avg = record.number("cur_load_rolling_avg");
  worker.cur_perf = record.number("cur_perf");
  worker.perf = record.number("perf");
  worker.measured_perf = record.number("measured_perf");
  worker.dlperf = record.number("dlperf");
  worker.benchmarked = benchmarked(worker, record.boolean("ready_ever"));
  worker.reliability_ratio = ratio(record, path, "reliability", 1, skipped);
  if (const auto gigabytes = record.amount("disk_usage")) {
    worker.disk_usage_bytes = *gigabytes * kBytesPerGigabyte;
  }
  return worker;
}

/// The row's api_key is left where it is.
EndpointInfo read_endpoint(const json::Value& value, const std::string& path) {
  EndpointInfo info;
  const json::Record record{&value, path, info.skipped};
  info.name = record.text("endpoint_name");
  info.kind = "autoscaled";
  info.api = "v0";
  info.state = record.word("endpoint_state");
  info.workers_max = record.amount("max_workers");
  info.cold_workers = record.amount("cold_workers");
  info.target_utilization_ratio = record.amount("target_util");
  info.created_at = record.time("created_at");
  return info;
}

/// An instance that was destroyed, or unloaded from its machine, lingers in the list and costs
/// nothing. One that is stopped, exited or offline still holds its disk.
bool is_gone(const json::Record& record) {
  const auto gone = [](const std::string& word) {
    return is_one_of(word, {"destroying", "destroyed", "deleted", "unloaded"});
  };
  return gone(record.word("actual_status")) || gone(record.word("cur_state"));
}

Instance read_instance(const json::Value& value, const std::string& path, Skipped& skipped) {
  const json::Record record{&value, path, skipped};
  Instance instance;
  instance.gpu_type = record.text("gpu_name");
  instance.location = record.text("geolocation");
  if (const auto gpus = record.count("num_gpus")) instance.gpus = static_cast<double>(*gpus);
  instance.gpu_utilization_ratio = ratio(record, path, "gpu_util", 100, skipped);
  instance.cost_dollars_per_hour = record.amount("dph_total");
  instance.bills = instance.cost_dollars_per_hour != 0.0 && !is_gone(record);
  return instance;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

std::optional<Error> judge_answer(const http::Response& response) {
  auto error = http::judge(response);
  if (!error || response.status >= 500) return error;
  const auto root = json::decode(response.body);
  if (!root || root->kind != Kind::object) return error;
  if (response.status >= 400 && is_auth_error(*root)) {
    error->reason = Reason::auth;
    error->detail += ", auth_error";
  }
  if (response.status == 429 && !error->retry_after) error->retry_after = retry_after(*root);
  return error;
}

Result<WorkersReport> parse_workers(std::string_view body) {
  WorkersReport report;
  ById<Worker> workers;
  const auto root =
      read_list(body, kWorkers, report.skipped,
                [&](const json::Value& value, const std::string& path, std::string_view id) {
                  auto worker = read_worker(value, path, report.skipped);
                  worker.id = id;
                  if (!workers.put(id, std::move(worker)).second) report.skipped.duplicate(path);
                });
  if (!root) return tl::make_unexpected(root.error());
  report.workers = workers.take();
  return report;
}

Result<EndpointList> parse_endpoints(std::string_view body) {
  EndpointList list;
  ById<EndpointInfo> endpoints;
  const auto root =
      read_list(body, kResults, list.skipped,
                [&](const json::Value& value, const std::string& path, std::string_view id) {
                  auto info = read_endpoint(value, path);
                  info.id = id;
                  const auto [kept, is_new] = endpoints.put(id, std::move(info));
                  if (!is_new) kept.skipped.duplicate(path);
                });
  list.endpoints = endpoints.take();
  if (root) return list;
  const auto whole = json::decode(body);
  if (whole && says_no_endpoints(*whole)) return EndpointList{};
  return tl::make_unexpected(root.error());
}

Result<GroupList> parse_groups(std::string_view body) {
  GroupList list;
  const auto root = read_list(
      body, kResults, list.skipped,
      [&list](const json::Value& value, const std::string& path, std::string_view id) {
        const auto endpoint_id = json::Record{&value, path, list.skipped}.id("endpoint_id");
        if (endpoint_id.empty()) {
          list.skipped.add(Skip::bad_field, path + "/endpoint_id: expected an id");
          return;
        }
        auto& groups = list.by_endpoint[std::string{endpoint_id}];
        if (contains(groups, id)) {
          list.skipped.duplicate(path);
        } else {
          groups.emplace_back(id);
        }
      });
  if (!root) return tl::make_unexpected(root.error());
  return list;
}

Result<GroupWorkers> parse_group_workers(std::string_view body) {
  GroupWorkers group;
  ById<std::string> ids;
  const auto root =
      read_list(body, kWorkers, group.skipped,
                [&](const json::Value&, const std::string& path, std::string_view id) {
                  if (!ids.put(id, std::string{id}).second) group.skipped.duplicate(path);
                });
  if (!root) return tl::make_unexpected(root.error());
  group.ids = ids.take();
  return group;
}

Result<InstancesPage> parse_instances_page(std::string_view body) {
  InstancesPage page;
  ById<std::pair<std::string, Instance>> instances;
  const auto root = read_list(
      body, kInstances, page.skipped,
      [&](const json::Value& value, const std::string& path, std::string_view id) {
        auto instance = read_instance(value, path, page.skipped);
        const auto [kept, is_new] = instances.put(id, {std::string{id}, std::move(instance)});
        if (!is_new) page.skipped.duplicate(path);
      });
  if (!root) return tl::make_unexpected(root.error());
  const auto* token = root->find("next_token");
  if (token != nullptr && token->kind != Kind::null) {
    // To take it for the end would lose the other pages without a word.
    if (token->kind != Kind::string) return fail(Reason::schema, "/next_token: expected a string");
    page.next_token = token->text;
  }
  page.instances = instances.take();
  return page;
}

}  // namespace serverless::vast
