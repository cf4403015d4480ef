#include "collectors/den.hpp"

#include <fmt/core.h>

#include <array>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include "collectors/by_id.hpp"
#include "collectors/json.hpp"

namespace serverless::den {
namespace {

using Kind = json::Value::Kind;

constexpr std::size_t kPageSize = 50;  // The most that may be asked for.
constexpr std::size_t kMaxPages = 1000;
// A run of 401s because of the rate limit ends after one minute.
constexpr std::chrono::seconds kBadKeyAfter{120};

Status status_of(std::string_view word) {
  if (word == "healthy") return Status::idle;
  if (word == "provisioning") return Status::initializing;
  if (word == "failed") return Status::unhealthy;
  if (word == "stopped") return Status::stopped;
  return Status::unknown;
}

Worker read_worker(const json::Record& record, const Options& options) {
  Worker worker;
  worker.native_status = record.word("status");
  if (worker.native_status.empty()) worker.native_status = "unknown";
  worker.status = status_of(worker.native_status);
  worker.version = record.text("imageVersion");
  if (options.names) worker.name = record.text("name");
  worker.created_at = record.time("createdAt");
  worker.last_heartbeat = record.time("lastHeartbeatAt");
  worker.last_active = record.time("lastActiveAt");
  if (record.word("destination") == "cloud" && worker.last_heartbeat) {
    worker.staleness = Staleness::current;
  }
  // The instance's own status is written once, when it is made, and then never again.
  const auto instance = record.object("instance");
  worker.kind = instance.text("provider");
  worker.location = instance.text("region");
  return worker;
}

std::optional<Error> look(const http::Response& response) {
  if (response.status != 401) return std::nullopt;
  return Error{.reason = Reason::rate_limited,
               .detail = "HTTP 401, which is also how Den says that a key asks too often",
               .escalation = Escalation{.reason = Reason::auth, .after = kBadKeyAfter}};
}

class Den final : public Collector {
 public:
  explicit Den(const config::Account& account)
      : api_url_(account.setting<std::string>("api_url")),
        organization_(account.setting<std::string>("organization")),
        options_{.local_workers = account.setting<bool>("local_workers"),
                 .names = account.setting<bool>("name_label")} {
    if (organization_.empty()) organization_ = account.name;
  }

  [[nodiscard]] std::vector<EndpointInfo> configured() const override {
    return {{.id = organization_, .name = organization_, .kind = "organization", .api = "v1"}};
  }

  [[nodiscard]] std::vector<Target> targets(
      std::span<const EndpointInfo> endpoints) const override {
    if (endpoints.empty()) return {};
    return {{.operation = "list_workers",
             .api = "control",
             .endpoint_id = organization_,
             .supplies = {Source::workers}}};
  }

  [[nodiscard]] Poll poll(const Target& target, http::Client& client) const override {
    return {.answers = {{target.endpoint_id, Source::workers, list_workers(target, client)}}};
  }

 private:
  [[nodiscard]] Result<Page> fetch(const Target& target, const std::string& cursor,
                                   std::optional<Time>& answered_at, http::Client& client) const {
    http::Request request{.api = target.api,
                          .operation = target.operation,
                          .url = fmt::format("{}/v1/workers?limit={}", api_url_, kPageSize),
                          .auth = http::Auth::x_api_key};
    if (!cursor.empty()) request.url += "&cursor=" + http::url_encode(cursor);
    const auto response = http::fetch(client, request, look);
    if (!response) return tl::make_unexpected(response.error());
    if (!answered_at) answered_at = response->date();
    return parse_workers(response->body, options_);
  }

  [[nodiscard]] Result<WorkersReport> list_workers(const Target& target,
                                                   http::Client& client) const {
    WorkersReport report;
    ById<Worker> workers;
    std::unordered_set<std::string> cursors;
    std::string cursor;
    for (std::size_t number = 0; number < kMaxPages; ++number) {
      auto page = fetch(target, cursor, report.answered_at, client);
      if (!page) return tl::make_unexpected(page.error());
      report.skipped.merge(page->report.skipped);
      for (auto& worker : page->report.workers) {
        const auto id = worker.id;
        if (workers.put(id, std::move(worker)).second) continue;
        report.skipped.add(
            Skip::duplicate_id,
            fmt::format("/workers (page {}): expected an id of its own", number + 1));
      }
      report.truncated = page->report.truncated;
      cursor = std::move(page->next_cursor);
      if (cursor.empty()) {
        report.workers = workers.take();
        return report;
      }
      if (!cursors.insert(cursor).second) {
        return fail(Reason::provider, "the list of workers has a page twice");
      }
    }
    return fail(Reason::provider, fmt::format("the list of workers has over {} pages", kMaxPages));
  }

  std::string api_url_;
  std::string organization_;
  Options options_;
};

std::unique_ptr<Collector> make(const config::Account& account) {
  return std::make_unique<Den>(account);
}

}  // namespace

Result<Page> parse_workers(std::string_view body, const Options& options) {
  Page page;
  auto& skipped = page.report.skipped;
  ById<Worker> workers;
  std::size_t rows = 0;
  const auto root =
      json::decode(body, "workers", [&](const std::string& path, const json::Value& value) {
        ++rows;
        const auto found = json::identify(value, path, skipped);
        if (!found) return;
        const auto& [id, record] = *found;
        if (!options.local_workers && record.word("destination") == "local") return;
        auto worker = read_worker(record, options);
        worker.id = id;
        if (!workers.put(id, std::move(worker)).second) skipped.duplicate(path);
      });
  if (!root) return tl::make_unexpected(root.error());
  if (root->find("workers") == nullptr) return fail(Reason::schema, "/workers: expected an array");
  const auto* cursor = root->find("nextCursor");
  if (cursor != nullptr && cursor->kind != Kind::null) {
    // To take it for the end would lose the other pages without a word.
    if (cursor->kind != Kind::string) return fail(Reason::schema, "/nextCursor: expected a string");
    page.next_cursor = cursor->text;
  }
  page.report.workers = workers.take();
  page.report.truncated = rows == kPageSize && cursor == nullptr;
  return page;
}

Provider provider() {
  using Type = config::KeySpec::Type;
  static const std::array kKeys{
      config::KeySpec{.name = "api_url",
                      .type = Type::url,
                      .fallback = std::string{"https://api.openworklabs.com"},
                      .help = "Den's control plane"},
      config::KeySpec{.name = "organization",
                      .type = Type::text,
                      .fallback = std::string{},
                      .help = "What the key's organization is called in labels; empty: as the "
                              "account"},
      config::KeySpec{
          .name = "local_workers",
          .type = Type::boolean,
          .fallback = false,
          .help = "Also the workers on people's own machines, which are always healthy"},
      config::KeySpec{.name = "name_label",
                      .type = Type::boolean,
                      .fallback = false,
                      .help = "Publish the workers' names, which hold names of people"},
  };
  static constexpr std::array kStatuses{Status::running,   Status::idle,    Status::initializing,
                                        Status::unhealthy, Status::stopped, Status::unknown};
  static constexpr std::array kStaleReasons{Staleness::heartbeat};
  return {.name = "den",
          .label = "den",
          .summary = "OpenWork Labs Den workers of one organization",
          .keys = kKeys,
          .discovers = false,
          .statuses = kStatuses,
          .stale_reasons = kStaleReasons,
          // Faster than once a minute the limit's count would never be forgotten.
          .policy = {.min_interval = std::chrono::seconds{65}},
          .make = make};
}

}  // namespace serverless::den
