#include "collectors/runpod_queue.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "collectors/json.hpp"

namespace serverless::runpod_queue {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  auto host = url.substr(0, url.find_first_of("/?#"));
  if (const auto user = host.rfind('@'); user != std::string_view::npos) {
    host.remove_prefix(user + 1);
  }
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

std::optional<std::string> check_queue_url(std::string_view url) {
  if (is_at(url, "api.runpod.io")) {
    return "api.runpod.io is the control plane and belongs into api_url; the job queue is at "
           "https://api.runpod.ai";
  }
  if (url.ends_with("/v2") || url.ends_with("/v2/")) return "leave the /v2 at its end out";
  return std::nullopt;
}

}  // namespace

Result<QueueReport> parse_health(std::string_view body) {
  const auto root = json::decode(body);
  if (!root) return tl::make_unexpected(root.error());
  if (root->kind != json::Value::Kind::object) return fail(Reason::schema, "expected an object");

  const auto is_object = [&root](std::string_view key) {
    const auto* member = root->find(key);
    return member != nullptr && member->kind == json::Value::Kind::object;
  };
  if (!is_object("jobs") && !is_object("workers")) {
    return fail(Reason::schema, "/workers: expected an object here or at /jobs");
  }

  QueueReport report;
  const json::Record record{&*root, "", report.skipped};
  const auto jobs = record.object("jobs");
  report.jobs_in_queue = jobs.count("inQueue");
  report.jobs_in_progress = jobs.count("inProgress");
  report.jobs_completed = jobs.count("completed");
  report.jobs_failed = jobs.count("failed");
  report.jobs_retried = jobs.count("retried");

  const auto workers = record.object("workers");
  for (const auto status : {Status::running, Status::idle, Status::initializing, Status::throttled,
                            Status::unhealthy}) {
    report.workers[static_cast<std::size_t>(status)] = workers.count(name(status));
  }
  report.ready = workers.count("ready");
  return report;
}

Target target(std::string endpoint_id) {
  return {.operation = "health",
          .api = "queue",
          .endpoint_id = std::move(endpoint_id),
          .supplies = {Source::queue}};
}

Poll poll(const Target& target, std::string_view queue_url, http::Client& client) {
  const auto response = http::fetch(
      client,
      {.api = target.api,
       .operation = target.operation,
       .url = std::string{queue_url} + "/v2/" + http::url_encode(target.endpoint_id) + "/health"});
  auto report =
      response.and_then([](const http::Response& answer) { return parse_health(answer.body); });
  return {.answers = {{target.endpoint_id, Source::queue, std::move(report)}}};
}

config::KeySpec queue_url_key() {
  return {.name = "queue_url",
          .type = config::KeySpec::Type::url,
          .fallback = std::string{"https://api.runpod.ai"},
          .help = "RunPod's job queue, which answers /health",
          .check = check_queue_url};
}

bool is_at(std::string_view url, std::string_view host) {
  const auto found = host_of(url);
  if (found.size() < host.size()) return false;
  const auto tail = found.substr(found.size() - host.size());
  const bool same = std::equal(tail.begin(), tail.end(), host.begin(),
                               [](char a, char b) { return lower(a) == b; });
  return same && (found.size() == host.size() || found[found.size() - host.size() - 1] == '.');
}

}  // namespace serverless::runpod_queue
