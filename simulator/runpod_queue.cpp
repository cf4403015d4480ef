// RunPod's queue host (https://api.runpod.ai): GET /v2/{id}/health for endpoints of both REST APIs,
// as recorded by clients up to September 2026. Its errors are not documented.

#include <fmt/format.h>

#include "simulator/provider.hpp"

namespace simulator {
namespace {

/// A removed endpoint: the queue's cache answers for it a minute longer.
bool lingers(const View& view, const Endpoint& endpoint) {
  const auto removed = view.controls->removed_endpoints.find(endpoint.id);
  return removed == view.controls->removed_endpoints.end() ||
         view.now - removed->second < std::chrono::minutes{1};
}

std::optional<Endpoint> find_queue(const View& view, std::string_view id) {
  for (const Api api : {Api::runpod, Api::runpod_v1}) {
    auto endpoint = view.fleet->find(api, id);
    if (endpoint && lingers(view, *endpoint)) return endpoint;
  }
  return std::nullopt;
}

std::string health_body(const Endpoint& endpoint, const Context& context) {
  Buckets count = context.view.health(endpoint);
  if (context.twist.views_disagree) {
    count = {.running = count.idle,
             .idle = count.initializing,
             .initializing = count.throttled,
             .throttled = count.unhealthy + 1,
             .unhealthy = count.running};
  }
  Jobs jobs = context.view.jobs(endpoint);
  if (context.twist.lag.count() > 0) {
    View before = context.view;
    before.now -= context.twist.lag;
    const Jobs late = before.jobs(endpoint);
    jobs.completed = late.completed;
    jobs.failed = late.failed;
    jobs.retried = late.retried;
  }
  // On a load balancer ready means routable, elsewhere it overlaps idle.
  const bool load_balancer = endpoint.api == Api::runpod && endpoint.index % 4 == 1;
  return fmt::format(
      R"({{"jobs":{{"completed":{},"failed":{},"inProgress":{},"inQueue":{},"retried":{}}},)"
      R"("workers":{{"idle":{},"initializing":{},"ready":{},"running":{},"throttled":{},)"
      R"("unhealthy":{}}}}})",
      jobs.completed, jobs.failed, jobs.in_progress, jobs.in_queue, jobs.retried, count.idle,
      count.initializing, count.idle + (load_balancer ? count.running : 0), count.running,
      count.throttled, count.unhealthy);
}

Reply plain_error(int status, std::string_view what) {
  Reply reply;
  reply.status = status;
  reply.body = fmt::format(R"({{"error":{}}})", quoted(what));
  return reply;
}

Reply bad_key() { return plain_error(401, "unauthorized"); }

// No document names a header here.
Reply rate_limited(int retry_after_s) {
  Reply reply = plain_error(429, "too many requests");
  if (retry_after_s > 0) reply.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return reply;
}

Reply answer(const Request& request, Context& context) {
  // This host takes the key without a scheme too.
  const std::string_view key = request.authorization.starts_with("Bearer ")
                                   ? bearer(request.authorization)
                                   : std::string_view{request.authorization};
  if (!context.accepts(key)) return bad_key();
  const auto segments = segments_of(request.path);
  Reply reply;
  if (segments.size() == 3 && segments[0] == "v2" && segments[2] == "health") {
    const auto endpoint = find_queue(context.view, segments[1]);
    if (endpoint) {
      reply.body = health_body(*endpoint, context);
    } else {
      reply = plain_error(404, "endpoint not found");
    }
    reply.route = "/v2/{id}/health";
  } else {
    reply = plain_error(404, "not found");
  }
  reply.authorized = true;
  return reply;
}

}  // namespace

Provider runpod_queue() {
  return {.host = "runpod-queue",
          .stands_for = "https://api.runpod.ai",
          .answer = answer,
          .bad_key = bad_key,
          .rate_limited = rate_limited};
}

}  // namespace simulator
