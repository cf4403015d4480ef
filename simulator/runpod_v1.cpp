// RunPod REST v1 (https://rest.runpod.io), retired by its provider in November 2026: the shapes of
// its published specification with the deviations that clients have recorded.

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "simulator/provider.hpp"

namespace simulator {
namespace {

Reply error(int status, std::string_view what) {
  Reply reply;
  reply.status = status;
  reply.body = fmt::format(R"({{"error":{},"status":{}}})", quoted(what), status);
  return reply;
}

/// v1 tells only what a worker is meant to be; what it does is the queue's to know.
std::string_view desired(const RunpodWorker& worker) {
  constexpr std::array<std::string_view, 5> kLive{"RUNNING", "IDLE", "INITIALIZING", "THROTTLED",
                                                  "UNHEALTHY"};
  for (const std::string_view word : kLive) {
    if (worker.word == word) return "RUNNING";
  }
  return worker.word;
}

// Wire types differ from row to row, as they do from client report to client report: prices as
// text, dates as Go prints them, versions as text.
void append_worker(std::string& out, const Endpoint& endpoint, const RunpodWorker& worker,
                   const ProviderSettings& settings) {
  auto at = std::back_inserter(out);
  const std::size_t place = worker.place;
  const double price = worker.price_usd_per_hour;
  fmt::format_to(at, R"({{"id":"{}","desiredStatus":{},"slsVersion":)", worker.id,
                 quoted(desired(worker)));
  fmt::format_to(at, fmt::runtime(place % 7 == 3 ? R"("{}",)" : "{},"), worker.version);
  fmt::format_to(at, fmt::runtime(place % 3 == 0 ? R"("costPerHr":"{}",)" : R"("costPerHr":{},)"),
                 price);
  if (place % 2 == 0) {
    fmt::format_to(at, R"("adjustedCostPerHr":{:.4f},)", price * 0.93);
  } else {
    out += R"("adjustedCostPerHr":null,)";
  }
  if (worker.placed) {
    fmt::format_to(at, R"("gpu":{{"id":{0},"count":1,"displayName":{0}}},)", quoted(worker.gpu));
    fmt::format_to(at,
                   R"("machine":{{"gpuTypeId":{},"dataCenterId":{},"costPerHr":{}}},)"
                   R"("machineId":"m{}","publicIp":"100.65.0.{}","portMappings":{{"22":10341}},)",
                   quoted(worker.gpu), quoted(worker.data_center), price, place, place % 250 + 1);
  } else {
    out += R"("gpu":null,"machine":{},"machineId":null,"publicIp":"","portMappings":null,)";
  }
  fmt::format_to(at, R"("image":"acme/legacy-{}:v{}",)", endpoint.index, worker.stale ? 2 : 3);
  fmt::format_to(at, R"("lastStartedAt":{},)",
                 !worker.up       ? "null"
                 : place % 2 == 0 ? quoted(go_time(worker.started))
                                  : quoted(iso_milliseconds(worker.started)));
  fmt::format_to(at,
                 R"("lastStatusChange":"Rented by User: {}","endpointId":{},"aiApiId":null,)"
                 R"("memoryInGb":62,"vcpuCount":{},"interruptible":false,)"
                 R"("env":{{"RUNPOD_AI_API_KEY":{},"RUNPOD_ENDPOINT_SECRET":{}}}}})",
                 http_date(worker.started), place % 2 == 0 ? quoted(endpoint.id) : "null",
                 place % 2 == 0 ? "24" : "7.5", quoted(settings.planted_secret),
                 quoted(settings.planted_secret));
}

void append_workers(std::string& out, const Endpoint& endpoint, const Context& context) {
  // "workers" is absent when nobody has any.
  if (endpoint.workers == 0) return;
  out += R"(,"workers":[)";
  std::optional<RunpodWorker> first;
  for (std::size_t place = 0; place < endpoint.workers; ++place) {
    const auto worker = context.view.runpod(endpoint, place);
    if (!worker) continue;
    if (first) out += ',';
    append_worker(out, endpoint, *worker, context.settings);
    if (!first) first = worker;
  }
  if (context.twist.malformed_worker) {
    if (first) out += ',';
    out += R"(42,{"desiredStatus":"RUNNING","costPerHr":0.74},)"
           R"({"id":"odd0negative","desiredStatus":"RUNNING","costPerHr":"free","slsVersion":-3,)"
           R"("lastStartedAt":"yesterday"})";
    if (first) {
      out += ',';
      append_worker(out, endpoint, *first, context.settings);
    }
  }
  out += ']';
}

bool wants(const Request& request, std::string_view parameter) {
  return text_in(request.query, parameter) == "true";
}

void append_endpoint(std::string& out, const Endpoint& endpoint, const Request& request,
                     const Context& context) {
  auto at = std::back_inserter(out);
  const std::size_t kind = endpoint.index % 3;
  const Time created = context.view.fleet->shape().born - std::chrono::days{200};
  fmt::format_to(at, R"({{"id":"{}","name":{},"templateId":"tpl{}","userId":"user_X",)",
                 endpoint.id, kind == 2 ? "null" : quoted(endpoint.name), endpoint.index);
  fmt::format_to(at, R"("version":{},"computeType":"{}","createdAt":"{}",)",
                 context.view.fleet->version(endpoint, context.view.now), kind == 2 ? "CPU" : "GPU",
                 kind == 1 ? iso_milliseconds(created) : go_time(created));
  out += kind == 0 ? R"("dataCenterIds":"EU-NL-1,EU-RO-1","networkVolumeIds":["agv1"],)"
                   : R"("dataCenterIds":["EU-RO-1"],"networkVolumeIds":)"
                     R"([{"networkVolumeId":"v9","dataCenterId":"EU-RO-1"}],)";
  fmt::format_to(at,
                 R"("gpuCount":{},"gpuTypeIds":["NVIDIA GeForce RTX 4090"],"instanceIds":null,)"
                 R"("idleTimeout":5,"executionTimeoutMs":600000,"networkVolumeId":"",)"
                 R"("scalerType":"{}","scalerValue":4,)",
                 kind == 2 ? "null" : "1", kind == 2 ? "REQUEST_COUNT" : "QUEUE_DELAY");
  const std::size_t most = endpoint.workers == 0 ? 3 : endpoint.workers;
  fmt::format_to(at,
                 fmt::runtime(kind == 2 ? R"("workersMin":"{}","workersMax":"{}",)"
                                        : R"("workersMin":{},"workersMax":{},)"),
                 endpoint.workers / 4, most);
  fmt::format_to(at, R"("flashboot":true,"allowedCudaVersions":null,"env":{{"A":{}}})",
                 quoted(context.settings.planted_secret));
  if (wants(request, "includeTemplate")) {
    fmt::format_to(at,
                   R"(,"template":{{"id":"tpl{0}","name":"template {0}",)"
                   R"("imageName":"acme/legacy-{0}:v3","env":{{"A":{1}}},"isServerless":true}})",
                   endpoint.index, quoted(context.settings.planted_secret));
  }
  if (wants(request, "includeWorkers")) append_workers(out, endpoint, context);
  out += '}';
}

Reply route(const Request& request, const Context& context) {
  const auto segments = segments_of(request.path);
  if (request.method != "GET") return error(405, "method not allowed");
  if (segments.size() < 2 || segments.size() > 3 || segments[0] != "v1" ||
      segments[1] != "endpoints") {
    return error(404, "not found");
  }
  Reply reply;
  if (segments.size() == 3) {
    const auto endpoint = context.view.find(Api::runpod_v1, segments[2]);
    if (endpoint) {
      append_endpoint(reply.body, *endpoint, request, context);
    } else {
      reply = error(404, "endpoint not found");
    }
    reply.route = "/v1/endpoints/{id}";
    return reply;
  }
  reply.route = "/v1/endpoints";
  reply.body = "[";
  if (!context.twist.empty_list) {
    context.view.each_endpoint(Api::runpod_v1, [&](const Endpoint& endpoint) {
      if (reply.body.size() > 1) reply.body += ',';
      append_endpoint(reply.body, endpoint, request, context);
    });
  }
  reply.body += ']';
  return reply;
}

Reply bad_key() {
  Reply reply;
  reply.status = 401;
  reply.body = R"({"message":"Unauthorized"})";
  return reply;
}

// v1 sends neither Retry-After nor RateLimit of its own accord.
Reply rate_limited(int retry_after_s) {
  Reply reply = error(429, "too many requests");
  if (retry_after_s > 0) reply.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return reply;
}

Reply answer(const Request& request, Context& context) {
  if (!context.accepts(bearer(request.authorization))) return bad_key();
  Reply reply = route(request, context);
  reply.authorized = true;
  return reply;
}

}  // namespace

Provider runpod_rest() {
  return {.host = "runpod-rest",
          .stands_for = "https://rest.runpod.io",
          .answer = answer,
          .bad_key = bad_key,
          .rate_limited = rate_limited};
}

}  // namespace simulator
