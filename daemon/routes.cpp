#include "daemon/routes.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/api.hpp"
#include "daemon/assets.hpp"
#include "daemon/clock.hpp"
#include "daemon/negotiate.hpp"
#include "daemon/polls.hpp"
#include "daemon/selection.hpp"
#include "daemon/status_page.hpp"

namespace serverless::daemon {
namespace {

constexpr std::chrono::seconds kReadyAnyway{60};

constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr const char* kHtmlType = "text/html; charset=utf-8";
constexpr const char* kJsonType = "application/json";

}  // namespace

Routes::Routes(Store& store, SelfMetrics& self, Mono started, std::function<HttpReply()> reload)
    : store_(store), self_(self), started_(started), reload_(std::move(reload)) {}

void Routes::set_terms(Terms terms) {
  const std::lock_guard lock(mutex_);
  terms_ = std::move(terms);
}

void Routes::set_cluster(std::optional<ClusterStatus> cluster) {
  const std::lock_guard lock(mutex_);
  cluster_ = std::move(cluster);
}

std::optional<ClusterStatus> Routes::cluster() const {
  const std::lock_guard lock(mutex_);
  return cluster_;
}

Routes::Terms Routes::terms() const {
  const std::lock_guard lock(mutex_);
  return terms_;
}

HttpReply Routes::handle(const HttpRequest& request) {
  auto reply = answer(request);
  const bool told = std::any_of(reply.headers.begin(), reply.headers.end(),
                                [](const auto& header) { return header.first == "Cache-Control"; });
  if (!told) reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

HttpReply Routes::answer(const HttpRequest& request) {
  // Health is told in a few bytes, whoever else is slow.
  if (request.crowded && !request.path.starts_with("/-/")) return crowded(request);
  enum class Verb : std::uint8_t { read, act };
  struct Route {
    std::string_view path{};
    Verb verb{};
    HttpReply (*answer)(Routes&, const HttpRequest&) = nullptr;
  };
  using Asked = const HttpRequest&;
  static constexpr std::array kRoutes{
      Route{"/", Verb::read, [](Routes& all, Asked asked) { return all.status(asked); }},
      Route{"/metrics", Verb::read, [](Routes& all, Asked asked) { return all.metrics(asked); }},
      Route{"/config", Verb::read, [](Routes& all, Asked) { return all.config(); }},
      Route{"/api/v1/endpoints", Verb::read,
            [](Routes& all, Asked asked) { return all.stream(asked, endpoints_json, kJsonType); }},
      Route{"/api/v1/workers", Verb::read,
            [](Routes& all, Asked asked) { return all.stream(asked, workers_json, kJsonType); }},
      Route{"/debug/polls", Verb::read,
            [](Routes& all, Asked asked) { return all.stream(asked, polls_text, kTextType); }},
      Route{"/-/healthy", Verb::read, [](Routes&, Asked) { return text_reply(200, "healthy\n"); }},
      Route{"/-/ready", Verb::read, [](Routes& all, Asked) { return all.ready(); }},
      Route{"/-/reload", Verb::act, [](Routes& all, Asked) { return all.reload_(); }},
  };
  const auto refuse = [](const char* allowed) {
    auto reply = text_reply(405, "method not allowed\n");
    reply.headers.emplace_back("Allow", allowed);
    return reply;
  };
  const bool reads = request.method == "GET" || request.method == "HEAD";
  for (const auto& route : kRoutes) {
    if (route.path != request.path) continue;
    if (route.verb == Verb::act && request.method != "POST") return refuse("POST");
    if (route.verb == Verb::read && !reads) return refuse("GET, HEAD");
    return route.answer(*this, request);
  }
  for (const auto& asset : assets()) {
    if (asset.path != request.path) continue;
    if (!reads) return refuse("GET, HEAD");
    return {.content_type = std::string(asset.content_type),
            .body = std::string(asset.text),
            .headers = {{"Cache-Control", "public, max-age=31536000, immutable"}}};
  }
  return text_reply(404, "not found\n");
}

Page Routes::page(Now now, Format format, const Selection& selection) {
  const auto current = store_.current();
  Page page = assemble(current.pages, current.withheld, now, format, selection);
  const auto cluster = this->cluster();
  const auto own = self_.text(format, selection, cluster ? &*cluster : nullptr, now.mono);
  finish(page, own.text, own.series);
  return page;
}

HttpReply Routes::status(const HttpRequest& request) const {
  return {
      .content_type = kHtmlType,
      .body = status_page(store_.current().pages,
                          {.version = version(), .members = terms().members, .cluster = cluster()},
                          read_clock(), request.arguments)};
}

HttpReply Routes::config() const { return text_reply(200, terms().config); }

HttpReply Routes::stream(const HttpRequest& request, Tell tell, const char* type) const {
  const auto wish = negotiate("", request.accept_encoding);
  if (!wish) return text_reply(406, "only gzip and identity are served\n");
  auto text = tell(store_.current().pages, request.arguments, read_clock());
  if (!text) return text_reply(400, text.error());
  HttpReply reply{.content_type = type,
                  .body = StreamBody{.next = std::move(*text), .gzip = wish->gzip},
                  .headers = {{"Vary", "Accept-Encoding"}}};
  if (wish->gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
  return reply;
}

HttpReply Routes::metrics(const HttpRequest& request) {
  auto wish = negotiate(request.accept, request.accept_encoding);
  if (!wish) return text_reply(406, "only gzip and identity are served\n");
  const auto selection = select(request.arguments);
  if (!selection) return text_reply(400, selection.error());
  const Now now = read_clock();
  self_.count_scrape(200);
  auto whole = std::make_shared<const Page>(page(now, wish->format, *selection));
  const auto taken = std::chrono::duration<double>(read_clock().mono - now.mono);
  self_.observe_duration(taken.count());
  if (selection->is_whole()) self_.observe_page(*whole);
  HttpReply reply{.content_type = std::move(wish->content_type),
                  .body = PageBody{.page = std::move(whole), .gzip = wish->gzip},
                  .headers = {{"Vary", "Accept, Accept-Encoding"}}};
  if (wish->gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
  return reply;
}

HttpReply Routes::crowded(const HttpRequest& request) {
  if (request.path == "/metrics") self_.count_scrape(503);
  return text_reply(503, "too many answers are on their way\n");
}

HttpReply Routes::ready() const {
  const auto accounts = terms().accounts;
  const bool tried = accounts && all_tried(store_.current().pages, *accounts);
  if (tried || read_clock().mono - started_ >= kReadyAnyway) return text_reply(200, "ready\n");
  return text_reply(503, "not ready: the first polls are under way\n");
}

}  // namespace serverless::daemon
