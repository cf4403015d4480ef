// RunPod REST v2 (https://api.runpod.io), as published for v2.9.0 and recorded by clients up to
// September 2026.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "simulator/hash.hpp"
#include "simulator/provider.hpp"

namespace simulator {
namespace {

Reply problem(int status, std::string_view title, std::string_view detail) {
  Reply reply;
  reply.status = status;
  reply.content_type = "application/problem+json";
  reply.body = fmt::format(R"({{"title":{},"status":{},"detail":{}}})", quoted(title), status,
                           quoted(detail));
  return reply;
}

// Cloudflare in front of api.runpod.io turns away clients that do not name themselves.
Reply edge_block() {
  Reply reply;
  reply.status = 403;
  reply.content_type = "text/html; charset=UTF-8";
  reply.body =
      "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
      "<body>error code: 1010</body></html>";
  return reply;
}

void append_urls(std::string& out, const Endpoint& endpoint, bool load_balancer) {
  auto at = std::back_inserter(out);
  if (load_balancer) {
    fmt::format_to(at,
                   R"("type":"LOAD_BALANCER","requestUrls":{{"base":"https://{0}.api.runpod.ai",)"
                   R"("health":"https://{0}.api.runpod.ai/ping"}},)",
                   endpoint.id);
    return;
  }
  fmt::format_to(at,
                 R"("type":"QUEUE","requestUrls":{{"run":"https://api.runpod.ai/v2/{0}/run",)"
                 R"("runSync":"https://api.runpod.ai/v2/{0}/runsync",)"
                 R"("status":"https://api.runpod.ai/v2/{0}/status/{{job_id}}",)"
                 R"("health":"https://api.runpod.ai/v2/{0}/health"}},)",
                 endpoint.id);
}

void append_endpoint(std::string& out, const Endpoint& endpoint, const Context& context) {
  const std::size_t kind = endpoint.index % 4;
  const bool load_balancer = kind == 1;
  const bool cpu = kind == 2;
  auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"id":"{}","name":{},)", endpoint.id, quoted(endpoint.name));
  if (!cpu) append_urls(out, endpoint, load_balancer);
  fmt::format_to(at,
                 R"("image":"acme/app-{}:v3","args":"","disk":20,"ports":{},)"
                 R"("env":{{"HF_TOKEN":{}}},"registry":null,)",
                 endpoint.index, load_balancer ? R"(["5000/http"])" : "[]",
                 quoted(context.settings.planted_secret));
  if (cpu) {
    out += R"("gpu":null,"cpu":[{"id":"cpu3c","vcpuCount":2}],)";
  } else {
    fmt::format_to(at,
                   R"("gpu":{{"pools":["ADA_24"],"count":{},"allowedCudaVersions":[],)"
                   R"("minCudaVersion":null}},)",
                   load_balancer ? 2 : 1);
  }
  const std::size_t most = endpoint.workers == 0 ? 3 : endpoint.workers;
  fmt::format_to(at, R"("workers":{{"min":{},"max":{}{}}},)", endpoint.workers / 4, most,
                 cpu             ? ""
                 : load_balancer ? R"(,"idleTimeout":60)"
                                 : R"(,"idleTimeout":5)");
  out += load_balancer || cpu ? R"("scaling":{"type":"REQUEST_COUNT","requestCount":4},)"
                              : R"("scaling":{"type":"QUEUE_DELAY","queueDelay":0.5},)";
  fmt::format_to(at,
                 R"("dataCenterIds":{},"networkVolumes":[],"timeout":{},"flashboot":"{}",)"
                 R"("createdAt":"{}"}})",
                 load_balancer ? "[]" : R"(["US-KS-2","EU-RO-1"])", load_balancer ? 0 : 600000,
                 load_balancer ? "OFF" : "FLASHBOOT",
                 load_balancer
                     ? iso_milliseconds(context.view.fleet->shape().born - std::chrono::days{30})
                     : iso_seconds(context.view.fleet->shape().born - std::chrono::days{90}));
}

std::string endpoints_body(const Context& context) {
  std::string out = R"({"endpoints":[)";
  if (!context.twist.empty_list) {
    context.view.each_endpoint(Api::runpod, [&](const Endpoint& endpoint) {
      if (out.back() == '}') out += ',';
      append_endpoint(out, endpoint, context);
    });
  }
  return out + "]}";
}

std::string_view null_or(bool known, std::string_view quoted_text) {
  return known ? quoted_text : "null";
}

void append_worker(std::string& out, const Endpoint& endpoint, const RunpodWorker& worker) {
  const bool cpu = endpoint.index % 4 == 2;
  auto at = std::back_inserter(out);
  fmt::format_to(at, R"({{"id":"{}","status":{},"isStale":{},"version":{},"gpuCount":{},)",
                 worker.id, quoted(worker.word), worker.stale, worker.version,
                 cpu                       ? 0
                 : endpoint.index % 4 == 1 ? 2
                                           : 1);
  fmt::format_to(at, R"("image":"acme/app-{}:v{}",)", endpoint.index, worker.stale ? 2 : 3);
  // Documented as required-or-null, seen absent altogether.
  if (worker.place % 5 != 2) {
    fmt::format_to(at, R"("uptimeSeconds":{},)",
                   worker.up ? std::to_string(worker.uptime_s) : "null");
  }
  fmt::format_to(at, R"("gpuTypeId":{},"dataCenterId":{},"startedAt":{}}})",
                 null_or(worker.placed && !cpu, quoted(worker.gpu)),
                 null_or(worker.placed, quoted(worker.data_center)),
                 null_or(worker.up, quoted(worker.place % 2 == 0 ? iso_milliseconds(worker.started)
                                                                 : iso_seconds(worker.started))));
}

void append_malformed(std::string& out, const Endpoint& endpoint,
                      const std::optional<RunpodWorker>& first) {
  if (out.back() == '}') out += ',';
  out += R"(42,{"status":"IDLE","isStale":false,"gpuCount":1},)"
         R"({"id":"odd0negative","status":"IDLE","isStale":false,"version":3,"gpuCount":-2,)"
         R"("uptimeSeconds":-5,"startedAt":"yesterday"})";
  if (!first) return;
  out += ',';
  append_worker(out, endpoint, *first);
}

std::string workers_body(const Endpoint& endpoint, const Context& context) {
  std::string list;
  std::optional<RunpodWorker> first;
  Buckets count;
  for (std::size_t place = 0; !context.twist.empty_list && place < endpoint.workers; ++place) {
    const auto worker = context.view.runpod(endpoint, place);
    if (!worker) continue;
    if (!list.empty()) list += ',';
    append_worker(list, endpoint, *worker);
    count.add(worker->word);
    if (!first) first = worker;
  }
  const std::size_t total = count.running + count.idle + count.initializing + count.throttled +
                            count.unhealthy + count.other;
  std::string out = fmt::format(
      R"({{"endpointVersion":{},"summary":{{"running":{},"idle":{},"initializing":{},)"
      R"("throttled":{},"unhealthy":{},"total":{}}},"workers":[)",
      endpoint.workers == 0
          ? "null"
          : std::to_string(context.view.fleet->version(endpoint, context.view.now)),
      count.running, count.idle, count.initializing, count.throttled, count.unhealthy, total);
  out += list;
  if (context.twist.malformed_worker) append_malformed(out, endpoint, first);
  return out + "]}";
}

struct Bill {
  double gpu = 0;
  double cpu = 0;
  double disk = 0;

  [[nodiscard]] double total() const { return gpu + cpu + disk; }
};

std::string money(const Bill& bill) {
  return fmt::format(
      R"("totalAmount":{:.4f},"gpuAmount":{:.4f},"cpuAmount":{:.4f},"diskAmount":{:.4f},"feeAmount":0)",
      bill.total(), bill.gpu, bill.cpu, bill.disk);
}

// The last bucket is the hour in progress: it grows with the hour.
std::string billing_body(const Request& request, const Context& context) {
  using std::chrono::hours;
  const auto last =
      static_cast<int>(std::clamp(number_in(request.query, "lastN").value_or(1), 1.0, 24.0 * 31));
  const Time end = std::chrono::floor<hours>(context.view.now) + hours{1};
  const Time begin = end - hours{last};
  Bill sum;
  std::size_t records = 0;
  std::size_t endpoints = 0;
  std::string out = R"({"records":[)";
  context.view.each_endpoint(Api::runpod, [&](const Endpoint& endpoint) {
    ++endpoints;
    for (Time hour = begin; hour < end; hour += hours{1}) {
      const double share = std::chrono::duration<double, hours::period>(
                               std::min<Time>(context.view.now, hour + hours{1}) - hour)
                               .count();
      const double amount = 0.35 * static_cast<double>(endpoint.workers) * share;
      const bool cpu = endpoint.index % 4 == 2;
      const Bill bill{cpu ? 0 : amount, cpu ? amount / 10 : 0, amount / 50};
      sum = {sum.gpu + bill.gpu, sum.cpu + bill.cpu, sum.disk + bill.disk};
      if (records++ > 0) out += ',';
      out += fmt::format(R"({{"startTime":"{}","endTime":"{}","serverlessId":"{}",{}}})",
                         iso_seconds(hour), iso_seconds(hour + hours{1}), endpoint.id, money(bill));
    }
  });
  return out +
         fmt::format(
             R"(],"metadata":{{"query":{{"startTime":"{}","endTime":"{}","bucketSize":"hour"}},)"
             R"("recordCount":{},"totals":{{{}}},"uniqueServerlessCount":{}}}}})",
             iso_seconds(begin), iso_seconds(end), records, money(sum), endpoints);
}

Reply route_api(const Request& request, const Context& context) {
  const auto segments = segments_of(request.path);
  const auto at = [&](std::size_t i) {
    return i < segments.size() ? segments[i] : std::string_view{};
  };
  Reply reply;
  if (at(0) == "v2" && at(1) == "billing" && at(2) == "serverless" && segments.size() == 3) {
    reply.route = "/v2/billing/serverless";
    reply.body = billing_body(request, context);
    return reply;
  }
  if (at(0) != "v2" || at(1) != "serverless" || segments.size() > 4) {
    return problem(404, "Not Found", "resource not found");
  }
  if (segments.size() == 2) {
    reply.route = "/v2/serverless";
    reply.body = endpoints_body(context);
    return reply;
  }
  const bool workers = at(3) == "workers";
  if (segments.size() == 4 && !workers) return problem(404, "Not Found", "resource not found");
  const std::string route = workers ? "/v2/serverless/{id}/workers" : "/v2/serverless/{id}";
  const auto endpoint = context.view.find(Api::runpod, at(2));
  if (!endpoint) {
    reply = problem(404, "Not Found", "serverless endpoint not found");
  } else if (workers) {
    reply.body = workers_body(*endpoint, context);
  } else {
    append_endpoint(reply.body, *endpoint, context);
  }
  reply.route = route;
  return reply;
}

Reply bad_key() { return problem(401, "Unauthorized", "invalid bearer token"); }

Reply rate_limited(int retry_after_s) {
  retry_after_s = std::max(retry_after_s, 1);
  Reply reply = problem(429, "Too Many Requests", "rate limit exceeded for the minute window");
  reply.headers = {{"Retry-After", std::to_string(retry_after_s)},
                   {"RateLimit", fmt::format(R"("minute";r=0;t={})", retry_after_s)},
                   {"RateLimit-Policy", R"("minute";q=180;w=60)"}};
  return reply;
}

Reply answer(const Request& request, Context& context) {
  if (request.user_agent.empty()) return edge_block();
  Reply reply;
  if (request.authorization.empty()) {
    reply = problem(401, "Unauthorized", "missing bearer token");
  } else if (!context.accepts(bearer(request.authorization))) {
    reply = bad_key();
  } else {
    const RunpodQuota quota = context.limits.runpod(bearer(request.authorization), context.now);
    reply = !quota.allowed
                ? problem(429, "Too Many Requests",
                          fmt::format("rate limit exceeded for the {} window", quota.exceeded))
            : request.method != "GET" ? problem(405, "Method Not Allowed", "method not allowed")
                                      : route_api(request, context);
    reply.authorized = true;
    if (!quota.allowed) {
      reply.headers.emplace_back("Retry-After", std::to_string(quota.retry_after_s));
    }
    if (!quota.policy.empty()) {
      reply.headers.emplace_back("RateLimit", quota.rate_limit);
      reply.headers.emplace_back("RateLimit-Policy", quota.policy);
    }
  }
  const auto stamp = static_cast<std::uint64_t>(context.now.time_since_epoch().count());
  reply.headers.emplace_back("x-request-id", fmt::format("{:016x}", mix(stamp)));
  return reply;
}

}  // namespace

Provider runpod_api() {
  return {.host = "runpod-api",
          .stands_for = "https://api.runpod.io",
          .answer = answer,
          .bad_key = bad_key,
          .rate_limited = rate_limited};
}

}  // namespace simulator
