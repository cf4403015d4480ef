// Vast.ai's autoscaler (https://run.vast.ai): lists of workers by endpoint and by worker group, in
// the shapes of its documents, its SDK and what operators have recorded up to September 2026.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "simulator/provider.hpp"

namespace simulator {
namespace {

constexpr std::chrono::milliseconds kSpacing{1000};

// The autoscaler wraps a wrong key and a wrong endpoint into the same 200.
Reply not_found(std::string_view id) {
  return json(200, fmt::format(R"({{"error_msg":{}}})",
                               quoted(fmt::format("authenticate_endpoint_apikey_by_id: invalid "
                                                  "api_key or endpoint {} not found",
                                                  id))));
}

// Numbers that happen to be whole are written as integers, as Vast.ai does.
void append_worker(std::string& out, const VastWorker& worker) {
  auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"id":{},"status":{},"cur_load":{},"new_load":{},)", worker.id,
                 quoted(worker.word), worker.cur_load, worker.new_load);
  fmt::format_to(at, R"("cur_load_rolling_avg":{},"cur_perf":{},"perf":{},"measured_perf":{},)",
                 worker.cur_load_rolling_avg, worker.cur_perf,
                 std::round(worker.measured_perf * worker.reliability * 100) / 100,
                 worker.measured_perf);
  fmt::format_to(at, R"("dlperf":{},"reliability":{},"disk_usage":{},)", worker.dlperf,
                 worker.reliability, worker.disk_usage_gb);
  if (worker.reqs_working) fmt::format_to(at, R"("reqs_working":{},)", *worker.reqs_working);
  if (worker.loaded_at) {
    fmt::format_to(at, R"("loaded_at":{:.3f},)", *worker.loaded_at);
  } else if (worker.place % 2 == 1) {
    out += R"("loaded_at":0.0,)";
  }
  if (worker.place % 6 != 4) fmt::format_to(at, R"("gpu_name":{},)", quoted(worker.gpu));
  if (worker.place % 8 == 3) out += R"("warnings":"event_loop_blocked",)";
  fmt::format_to(at, R"("started_at":{:.3f},"ready_ever":{}}})", worker.started_at,
                 worker.ready_ever);
}

std::string workers_body(const Endpoint& endpoint, std::optional<std::size_t> group,
                         const Context& context) {
  std::string out = "[";
  if (context.twist.empty_list) return "[]";
  std::optional<VastWorker> first;
  const std::size_t step = group ? context.view.fleet->group_count(endpoint) : 1;
  for (std::size_t place = group.value_or(0); place < endpoint.workers; place += step) {
    const auto worker = context.view.vast(endpoint, place);
    if (!worker) continue;
    if (first) out += ',';
    append_worker(out, *worker);
    if (!first) first = worker;
  }
  if (context.twist.malformed_worker) {
    if (first) out += ',';
    out += R"(42,{"status":"idle","cur_load":1},)"
           R"({"id":1,"status":"idle","cur_load":-7,"reliability":1.7,"perf":"fast",)"
           R"("reqs_working":-1,"gpu_name":7})";
    if (first) {
      out += ',';
      append_worker(out, *first);
    }
  }
  return out + ']';
}

Reply by_group(const std::string& id, const Context& context) {
  const auto found = context.view.fleet->find_group(id);
  if (!found || !context.view.knows(found->first)) return not_found(id);
  return json(200, workers_body(found->first, found->second, context));
}

Reply bad_key() { return not_found("0"); }

Reply rate_limited(int retry_after_s) {
  return json(429, fmt::format(R"({{"retry_after":{},"message":"API requests too frequent"}})",
                               std::max(retry_after_s, 1)));
}

Reply answer(const Request& request, Context& context) {
  const auto segments = segments_of(request.path);
  const std::string_view route = segments.size() == 1 ? segments[0] : std::string_view{};
  const bool endpoints = route == "get_endpoint_workers";
  if (!endpoints && route != "get_" + context.settings.vast_group_route + "_workers") {
    return json(404, R"({"detail":"Not Found"})");
  }
  if (request.method != "POST") return json(405, R"({"detail":"Method Not Allowed"})");
  const std::string id = body_field(request, "id");
  // The SDK puts the key into the body, the command line into the header.
  std::string key{bearer(request.authorization)};
  if (key.empty()) key = body_field(request, "api_key");

  // What a wrong key is told, too.
  Reply reply = not_found(id);
  const bool authorized = context.accepts(key);
  if (authorized) {
    if (const auto wait = context.limits.vast(key, route, kSpacing, context.now);
        wait.count() > 0) {
      reply = rate_limited(static_cast<int>(std::chrono::ceil<std::chrono::seconds>(wait).count()));
    } else if (!endpoints) {
      reply = by_group(id, context);
    } else if (const auto endpoint = context.view.find(Api::vast, id)) {
      reply = json(200, workers_body(*endpoint, std::nullopt, context));
    }
  }
  reply.route = fmt::format("/{}/", route);
  reply.authorized = authorized;
  return reply;
}

}  // namespace

Provider vast_run() {
  return {.host = "vast-run",
          .stands_for = "https://run.vast.ai",
          .answer = answer,
          .bad_key = bad_key,
          .rate_limited = rate_limited};
}

}  // namespace simulator
