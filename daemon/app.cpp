#include "daemon/app.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "collectors/registry.hpp"
#include "daemon/clock.hpp"
#include "daemon/keys.hpp"
#include "daemon/log.hpp"
#include "daemon/web.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::seconds;

constexpr seconds kReadyAnyway{60};
// --once waits this long beyond the longest first round of polls.
constexpr seconds kOnceGrace{60};

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr const char* kHtmlType = "text/html; charset=utf-8";

std::string user_agent() {
  return fmt::format("serverless_exporter/{} (Prometheus exporter)", version());
}

// Accounts of the same provider and quota group share a quota.
std::uint32_t sharers_of(const config::Account& account, const config::Config& config) {
  if (account.quota_group.empty()) return 1;
  return static_cast<std::uint32_t>(std::count_if(
      config.accounts.begin(), config.accounts.end(), [&](const config::Account& other) {
        return other.quota_group == account.quota_group && other.provider == account.provider;
      }));
}

void find_twins(const std::vector<AccountSetup>& accounts, const std::string& file,
                std::vector<config::Problem>& problems) {
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& one = accounts[j].account;
      const auto& other = accounts[i].account;
      const bool apart = !one.endpoints.empty() && !other.endpoints.empty();
      if (apart || one.provider != other.provider || !(accounts[j].key == accounts[i].key) ||
          (one.allow_overlap && other.allow_overlap) || accounts[i].key.empty()) {
        continue;
      }
      problems.push_back(
          {.file = file,
           .what = fmt::format("accounts '{}' and '{}' have the same key: every sum would count "
                               "their workers twice; name different endpoints, or set "
                               "allow_overlap = true in both",
                               one.name, other.name)});
    }
  }
}

std::chrono::nanoseconds longest_interval(const Pages& pages) {
  std::chrono::nanoseconds longest{0};
  for (const auto& account : pages) {
    for (const auto& page : account->endpoints) {
      for (const auto& source : page->state->sources) {
        if (source && !source->last_attempt) {
          longest = std::max<std::chrono::nanoseconds>(longest, source->interval);
        }
      }
    }
  }
  return longest;
}

HttpReply text_reply(int status, std::string text) {
  return {.status = status, .content_type = kTextType, .body = std::move(text)};
}

}  // namespace

tl::expected<std::vector<AccountSetup>, std::vector<config::Problem>> set_up(
    const config::Config& config, const std::string& file) {
  std::vector<AccountSetup> accounts;
  std::vector<config::Problem> problems;
  for (const auto& account : config.accounts) {
    auto key = read_key(account.key);
    if (!key) {
      problems.push_back(
          {.file = file, .what = fmt::format("account '{}': {}", account.name, key.error())});
    }
    accounts.push_back({.account = account,
                        .provider = find_provider(account.provider),
                        .key = key ? std::move(*key) : config::Secret{},
                        .sharers = sharers_of(account, config),
                        .series = config.series});
  }
  find_twins(accounts, file, problems);
  if (!problems.empty()) return tl::make_unexpected(std::move(problems));
  return accounts;
}

App::App(const config::Config& config, std::vector<AccountSetup> accounts)
    : config_(config),
      started_(read_clock().mono),
      account_count_(accounts.size()),
      store_(config.limits),
      http_(user_agent()) {
  for (auto& account : accounts) {
    dispatchers_.push_back(std::make_unique<Dispatcher>(std::move(account), http_, gate_, store_));
  }
}

App::~App() {
  // All are asked before any is waited for: one that hangs must not hold up the others.
  for (auto& dispatcher : dispatchers_) dispatcher->request_stop();
}

void App::serve() {
  server_ = std::make_unique<Server>(
      config_.web.listen, [this](const HttpRequest& request) { return handle(request); });
  for (const auto& address : server_->addresses()) log::info("listening", {{"address", address}});
}

Page App::page(Now now) {
  auto current = store_.current();
  Page page = assemble(std::move(current.pages), current.withheld, now);
  auto own = self_.text();
  append(page, std::move(own.text), own.series);
  return page;
}

App::Once App::poll_once(std::stop_token stop) {
  const auto tried = [this](const Pages& pages) { return all_tried(pages, account_count_); };
  Mono deadline = started_ + kOnceGrace;
  while (!store_.wait(tried, deadline, stop)) {
    const Mono later = started_ + kOnceGrace + longest_interval(store_.current().pages);
    if (stop.stop_requested() || later <= deadline || later <= read_clock().mono) break;
    deadline = later;
  }
  return {.page = page(read_clock()).text(),
          .complete = all_good(store_.current().pages, account_count_)};
}

HttpReply App::handle(const HttpRequest& request) {
  using Route = HttpReply (*)(App&);
  static const std::map<std::string, Route, std::less<>> kRoutes{
      {"/",
       [](App& app) {
         return HttpReply{
             .content_type = kHtmlType,
             .body = status_page(app.store_.current().pages, version(), read_clock()),
             .headers = {{"Content-Security-Policy",
                          "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Referrer-Policy", "no-referrer"}}};
       }},
      {"/metrics", [](App& app) { return app.metrics(); }},
      {"/-/healthy", [](App&) { return text_reply(200, "healthy\n"); }},
      {"/-/ready", [](App& app) { return app.ready(); }},
  };
  const auto route = kRoutes.find(request.path);
  if (route == kRoutes.end()) return text_reply(404, "not found\n");
  if (request.method != "GET" && request.method != "HEAD") {
    auto reply = text_reply(405, "method not allowed\n");
    reply.headers.emplace_back("Allow", "GET, HEAD");
    return reply;
  }
  return route->second(*this);
}

HttpReply App::metrics() {
  if (scrapes_->load() >= static_cast<int>(config_.web.max_concurrent_scrapes)) {
    self_.count_scrape(503);
    return text_reply(503, "too many scrapes at once\n");
  }
  scrapes_->fetch_add(1);
  std::shared_ptr<void> leave(nullptr, [scrapes = scrapes_](void*) { scrapes->fetch_sub(1); });
  const Now now = read_clock();
  self_.count_scrape(200);
  auto whole = std::make_shared<const Page>(page(now));
  const auto taken = std::chrono::duration<double>(read_clock().mono - now.mono);
  self_.observe_page(taken.count(), whole->bytes, whole->series);
  return {.content_type = kMetricsType, .body = std::move(whole), .keep = std::move(leave)};
}

HttpReply App::ready() const {
  const bool tried = all_tried(store_.current().pages, account_count_);
  if (tried || read_clock().mono - started_ >= kReadyAnyway) return text_reply(200, "ready\n");
  return text_reply(503, "not ready: the first polls are under way\n");
}

}  // namespace serverless::daemon
