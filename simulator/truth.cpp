#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

#include "simulator/world.hpp"

namespace simulator {
namespace {

std::string counts(const Buckets& buckets) {
  return fmt::format(
      R"({{"running":{},"idle":{},"initializing":{},"throttled":{},"unhealthy":{},"other":{}}})",
      buckets.running, buckets.idle, buckets.initializing, buckets.throttled, buckets.unhealthy,
      buckets.other);
}

void append_runpod(std::string& out, const View& view, const Endpoint& endpoint) {
  const Jobs jobs = view.jobs(endpoint);
  auto at = std::back_inserter(out);
  fmt::format_to(at,
                 R"("version":{},"degraded":{},"views_disagree":{},"list":{},"health":{},)"
                 R"("jobs":{{"completed":{},"failed":{},"retried":{},"in_progress":{},)"
                 R"("in_queue":{}}},"workers":[)",
                 view.fleet->version(endpoint, view.now),
                 view.fleet->is_degraded(endpoint, view.now),
                 view.fleet->views_disagree(endpoint, view.now), counts(view.buckets(endpoint)),
                 counts(view.health(endpoint)), jobs.completed, jobs.failed, jobs.retried,
                 jobs.in_progress, jobs.in_queue);
  for (std::size_t place = 0; place < endpoint.workers; ++place) {
    const auto worker = view.runpod(endpoint, place);
    if (!worker) continue;
    if (out.back() == '}') out += ',';
    fmt::format_to(at,
                   R"({{"id":"{}","status":{},"stale":{},"version":{},"uptime_seconds":{},)"
                   R"("price_usd_per_hour":{}}})",
                   worker->id, quoted(worker->word), worker->stale, worker->version,
                   worker->uptime_s, worker->price_usd_per_hour);
  }
}

void append_vast(std::string& out, const View& view, const Endpoint& endpoint) {
  auto at = std::back_inserter(out);
  out += R"("groups":[)";
  const std::size_t groups = view.fleet->group_count(endpoint);
  for (std::size_t group = 0; group < groups; ++group) {
    fmt::format_to(at, "{}{}", group == 0 ? "" : ",", view.fleet->group_id(endpoint, group));
  }
  fmt::format_to(at, R"(],"suspended":{},"workers":[)", view.fleet->is_suspended(endpoint));
  for (std::size_t place = 0; place < endpoint.workers; ++place) {
    const auto worker = view.vast(endpoint, place);
    if (!worker) continue;
    if (out.back() == '}') out += ',';
    fmt::format_to(at,
                   R"({{"id":{},"group":{},"status":{},"reqs_working":{},"cur_load":{},)"
                   R"("cur_perf":{},"measured_perf":{},"dlperf":{},"reliability":{},)"
                   R"("ready_ever":{},"instance":{},"price_usd_per_hour":{},)"
                   R"("gpu_utilization_percent":{}}})",
                   worker->id, view.fleet->group_id(endpoint, place % groups), quoted(worker->word),
                   worker->reqs_working ? std::to_string(*worker->reqs_working) : "null",
                   worker->cur_load, worker->cur_perf, worker->measured_perf, worker->dlperf,
                   worker->reliability, worker->ready_ever, worker->has_instance,
                   worker->price_usd_per_hour, worker->gpu_utilization_percent);
  }
}

void append_den(std::string& out, const View& view, const Endpoint& endpoint) {
  out += R"("workers":[)";
  for (std::size_t ordinal = 0; ordinal < endpoint.workers; ++ordinal) {
    const auto worker = view.den(ordinal);
    if (!worker) continue;
    if (out.back() == '}') out += ',';
    fmt::format_to(std::back_inserter(out),
                   R"({{"id":"{}","name":{},"status":{},"destination":"{}","last_heartbeat_at":{},)"
                   R"("last_active_at":{}}})",
                   worker->id, quoted(worker->name), quoted(worker->status),
                   worker->local ? "local" : "cloud",
                   worker->heartbeat ? quoted(iso_milliseconds(*worker->heartbeat)) : "null",
                   worker->active ? quoted(iso_milliseconds(*worker->active)) : "null");
  }
}

void append_api(std::string& out, const View& view, Api api, std::string_view name) {
  fmt::format_to(std::back_inserter(out), R"("{}":{{"endpoints":[)", name);
  bool first = true;
  view.each_endpoint(api, [&](const Endpoint& endpoint) {
    fmt::format_to(std::back_inserter(out), R"({}{{"id":"{}","name":{},)", first ? "" : ",",
                   endpoint.id, quoted(endpoint.name));
    first = false;
    if (api == Api::vast) {
      append_vast(out, view, endpoint);
    } else if (api == Api::den) {
      append_den(out, view, endpoint);
    } else {
      append_runpod(out, view, endpoint);
    }
    out += "]}";
  });
  out += "]}";
}

}  // namespace

std::string truth(const View& view, std::string_view api) {
  constexpr std::array kApis{std::pair{Api::runpod, "runpod"},
                             std::pair{Api::runpod_v1, "runpod-v1"}, std::pair{Api::vast, "vast"},
                             std::pair{Api::den, "den"}};
  std::string out = fmt::format(R"({{"time":"{}","unix_time":{:.3f},"apis":{{)",
                                iso_milliseconds(view.now), epoch_seconds(view.now));
  for (const auto& [each, name] : kApis) {
    if (!api.empty() && api != name) continue;
    if (out.back() == '}') out += ',';
    append_api(out, view, each, name);
  }
  return out + "}}";
}

}  // namespace simulator
