// Vast.ai's console (https://console.vast.ai): endpoints, worker groups and instances, in the
// shapes of its documents, its SDK and what operators have recorded up to September 2026.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "simulator/provider.hpp"

namespace simulator {
namespace {

using std::chrono::milliseconds;

// The same settings come as numbers, as text, as null, or not at all.
void append_endpoint(std::string& out, const Endpoint& endpoint, const Context& context) {
  auto at = std::back_inserter(out);
  const bool suspended = context.view.fleet->is_suspended(endpoint);
  const Time created = context.view.fleet->shape().born - std::chrono::days{40};
  fmt::format_to(at, R"({{"id":{},"endpoint_name":{},"endpoint_state":"{}",)", endpoint.id,
                 quoted(endpoint.name), suspended ? "suspended" : "active");
  fmt::format_to(at,
                 fmt::runtime(endpoint.index % 3 == 1
                                  ? R"("min_load":null,"target_util":"0.9","cold_workers":"{}",)"
                                    R"("max_workers":{},)"
                                  : R"("min_load":0.0,"min_cold_load":0.0,"target_util":0.9,)"
                                    R"("cold_mult":2.5,"cold_workers":{},"max_workers":{},)"
                                    R"("max_queue_time":30,"target_queue_time":10.0,)"),
                 endpoint.workers / 4, std::max<std::size_t>(endpoint.workers, 1));
  fmt::format_to(at, R"("inactivity_timeout":{},"api_key":{},"user_id":456,"created_at":{}}})",
                 suspended ? -1 : 600, quoted(context.settings.planted_secret),
                 endpoint.index % 2 == 0 ? fmt::format("{:.3f}", epoch_seconds(created))
                                         : quoted(iso_seconds(created)));
}

Reply endpoints(const Context& context) {
  std::string rows;
  context.view.each_endpoint(Api::vast, [&](const Endpoint& endpoint) {
    if (!rows.empty()) rows += ',';
    append_endpoint(rows, endpoint, context);
  });
  if (rows.empty() || context.twist.empty_list) {
    return json(400,
                R"({"success":false,"error":"invalid_args","msg":"No endpoints for user found"})");
  }
  return json(200, R"({"success":true,"results":[)" + rows + "]}");
}

Reply groups(const Context& context) {
  std::string rows;
  if (context.twist.empty_list) return json(200, R"({"success":true,"results":[]})");
  context.view.each_endpoint(Api::vast, [&](const Endpoint& endpoint) {
    for (std::size_t group = 0; group < context.view.fleet->group_count(endpoint); ++group) {
      if (!rows.empty()) rows += ',';
      rows += fmt::format(
          R"({{"id":{},"endpoint_id":{},"endpoint_name":{},"template_id":456,)"
          R"("template_hash":"abc123def456","search_query":{},"launch_args":null,"gpu_ram":24,)"
          R"("min_load":1.0,"target_util":0.9,"cold_mult":3.0,"cold_workers":3,"test_workers":3,)"
          R"("api_key":{},"user_id":456,"created_at":"2026-01-10T12:00:00Z"}})",
          context.view.fleet->group_id(endpoint, group), endpoint.id, quoted(endpoint.name),
          group == 0 ? R"({"verified":{"eq":true}})" : R"("verified=true")",
          quoted(context.settings.planted_secret));
    }
  });
  return json(200, R"({"success":true,"results":[)" + rows + "]}");
}

/// The instance's own word for what the worker list says; empty is null on the wire.
std::string_view actual_status(std::string_view word) {
  if (word == "creating") return "";
  if (word == "loading" || word == "starting") return "loading";
  if (word == "rebooting" || word == "update_rebooting") return "rebooting";
  if (word == "stopped" || word == "offline") return word;
  if (word == "unavail" || word == "destroying") return "exited";
  return "running";
}

void append_instance(std::string& out, const VastWorker& worker) {
  auto at = std::back_inserter(out);
  const std::string_view actual = actual_status(worker.word);
  const bool stopped = actual == "stopped";
  const bool known = !actual.empty();
  fmt::format_to(at, R"({{"id":{},"actual_status":{},"cur_state":"{}","next_state":"{}",)",
                 worker.id, known ? quoted(actual) : "null", stopped ? "stopped" : "running",
                 stopped ? "stopped" : "running");
  fmt::format_to(at,
                 R"("intended_status":"{}","dph_total":{},"gpu_name":{},"num_gpus":1,)"
                 R"("gpu_util":{},"gpu_temp":{},"geolocation":{},"machine_id":{},)",
                 stopped ? "stopped" : "running", worker.price_usd_per_hour, quoted(worker.gpu),
                 known ? fmt::format("{:.1f}", worker.gpu_utilization_percent) : "null",
                 known ? "61.9" : "null", known ? quoted(worker.geolocation) : "null",
                 worker.ordinal + 12);
  fmt::format_to(at,
                 R"("start_date":{:.3f},"public_ipaddr":"192.0.2.45\n","status_msg":null,)"
                 R"("uptime_mins":null,"label":"","ports":null}})",
                 worker.started_at);
}

// In no worker list, and billed all the same. Its ordinal comes before every worker's.
constexpr std::string_view kOrphan =
    R"({"id":34999999,"actual_status":"running","cur_state":"running","next_state":"running",)"
    R"("intended_status":"running","dph_total":1.0704,"gpu_name":"RTX 4090","num_gpus":1,)"
    R"("gpu_util":0.0,"gpu_temp":30.5,"geolocation":"Texas, US","machine_id":11,)"
    R"("start_date":1780000000.5,"public_ipaddr":"192.0.2.44","status_msg":null,)"
    R"("uptime_mins":null,"label":"","ports":null})";

struct Page {
  std::string rows{};
  std::size_t count = 0;
  std::optional<std::size_t> next{};  ///< Ordinal plus one of the last row, when more may follow.
};

/// Place 0 is the orphan, place n the worker with ordinal n - 1.
Page page_from(std::size_t place, std::size_t limit, const Context& context) {
  Page page;
  const Fleet& fleet = *context.view.fleet;
  const std::size_t end = fleet.worker_count(Api::vast) + 1;
  for (; place < end; ++place) {
    std::optional<VastWorker> worker;
    if (place > 0) {
      const Endpoint owner = fleet.vast_owner(place - 1);
      worker = context.view.vast(owner, place - 1 - owner.first);
      if (!worker || !worker->has_instance) continue;
    }
    if (page.count == limit) {
      page.next = place;
      return page;
    }
    if (page.count++ > 0) page.rows += ',';
    if (worker) {
      append_instance(page.rows, *worker);
    } else {
      page.rows += kOrphan;
    }
  }
  return page;
}

Reply instances(const Request& request, const Context& context) {
  const double limit = number_in(request.query, "limit").value_or(25);
  if (limit < 1 || limit > 25) {
    return json(400, R"({"success":false,"error":"invalid_args","msg":"limit must be 1..25"})");
  }
  const std::string token = text_in(request.query, "after_token");
  std::size_t place = 0;
  if (!token.empty()) {
    constexpr std::string_view kOpening = R"({"values": {"id": )";
    const auto text = from_base64(token);
    if (!text || !text->starts_with(kOpening)) {
      return json(400, R"({"success":false,"error":"invalid_args","msg":"bad after_token"})");
    }
    place = std::strtoull(text->c_str() + kOpening.size(), nullptr, 10);
  }
  Page page;
  if (!context.twist.empty_list) {
    page = page_from(place, static_cast<std::size_t>(limit), context);
  }
  const std::size_t total =
      context.twist.empty_list ? 0 : context.view.fleet->worker_count(Api::vast) + 1;
  return json(
      200, fmt::format(
               R"({{"success":true,"instances_found":{},"total_instances":{},)"
               R"("label_counts":{{"":{}}},"next_token":{},"instances":[{}]}})",
               page.count, total, total,
               page.next ? quoted(base64(fmt::format(R"({{"values": {{"id": {}}}}})", *page.next)))
                         : "null",
               page.rows));
}

Reply too_frequent(milliseconds spacing) {
  Reply reply;
  reply.status = 429;
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = fmt::format("API requests too frequent: endpoint threshold={:.1f}",
                           static_cast<double>(spacing.count()) / 1000);
  return reply;
}

struct Route {
  std::string_view path{};
  milliseconds spacing{};
};

constexpr Route kEndpoints{"/api/v0/endptjobs/", milliseconds{3000}};
constexpr Route kGroups{"/api/v0/workergroups/", milliseconds{2000}};
constexpr Route kInstances{"/api/v1/instances/", milliseconds{1000}};
constexpr Route kOldInstances{"/api/v0/instances/", milliseconds{0}};

const Route* route_of(std::string_view path) {
  std::string with_slash{path};
  if (!with_slash.ends_with('/')) with_slash += '/';
  for (const Route* route : {&kEndpoints, &kGroups, &kInstances, &kOldInstances}) {
    if (route->path == with_slash) return route;
  }
  return nullptr;
}

// Documented as 401, seen as 404.
Reply bad_key() {
  return json(404, R"({"success":false,"error":"auth_error","msg":"Invalid user key"})");
}

Reply rate_limited(int retry_after_s) {
  return too_frequent(milliseconds{1000} * std::max(retry_after_s, 1));
}

Reply answer(const Request& request, Context& context) {
  std::string key{bearer(request.authorization)};
  if (key.empty()) key = text_in(request.query, "api_key");
  if (!context.accepts(key)) return bad_key();
  const Route* route = route_of(request.path);
  Reply reply;
  if (route == nullptr) {
    reply = json(404, R"({"success":false,"error":"not_found","msg":"no such route"})");
  } else if (request.method != "GET") {
    reply = json(405, R"({"success":false,"error":"invalid_method","msg":"method not allowed"})");
  } else if (context.limits.vast(key, route->path, route->spacing, context.now).count() > 0) {
    reply = too_frequent(route->spacing);
  } else if (route == &kEndpoints) {
    reply = endpoints(context);
  } else if (route == &kGroups) {
    reply = groups(context);
  } else if (route == &kInstances) {
    reply = instances(request, context);
  } else {
    reply = json(410, R"({"success":false,"error":"deprecated_endpoint",)"
                      R"("msg":"Use /api/v1/instances/ instead"})");
  }
  if (route != nullptr) reply.route = route->path;
  reply.authorized = true;
  return reply;
}

}  // namespace

Provider vast_console() {
  return {.host = "vast-console",
          .stands_for = "https://console.vast.ai",
          .answer = answer,
          .bad_key = bad_key,
          .rate_limited = rate_limited};
}

}  // namespace simulator
