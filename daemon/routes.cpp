#include "daemon/routes.hpp"

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/clock.hpp"
#include "daemon/negotiate.hpp"
#include "daemon/selection.hpp"
#include "daemon/web.hpp"

namespace serverless::daemon {
namespace {

constexpr std::chrono::seconds kReadyAnyway{60};

constexpr const char* kHtmlType = "text/html; charset=utf-8";

HttpReply text_reply(int status, std::string text) {
  return {.status = status, .body = std::move(text)};
}

}  // namespace

Routes::Routes(Store& store, SelfMetrics& self, Mono started, std::function<HttpReply()> reload)
    : store_(store), self_(self), started_(started), reload_(std::move(reload)) {}

void Routes::set_terms(Terms terms) {
  accounts_ = terms.accounts;
  max_scrapes_ = terms.max_scrapes;
}

HttpReply Routes::handle(const HttpRequest& request) {
  enum class Verb : std::uint8_t { read, act };
  struct Route {
    std::string_view path{};
    Verb verb{};
    HttpReply (*answer)(Routes&, const HttpRequest&) = nullptr;
  };
  static constexpr std::array kRoutes{
      Route{"/", Verb::read, [](Routes& all, const HttpRequest&) { return all.status(); }},
      Route{"/metrics", Verb::read,
            [](Routes& all, const HttpRequest& asked) { return all.metrics(asked); }},
      Route{"/-/healthy", Verb::read,
            [](Routes&, const HttpRequest&) { return text_reply(200, "healthy\n"); }},
      Route{"/-/ready", Verb::read, [](Routes& all, const HttpRequest&) { return all.ready(); }},
      Route{"/-/reload", Verb::act, [](Routes& all, const HttpRequest&) { return all.reload_(); }},
  };
  const bool reads = request.method == "GET" || request.method == "HEAD";
  for (const auto& route : kRoutes) {
    if (route.path != request.path) continue;
    const bool right = route.verb == Verb::read ? reads : request.method == "POST";
    if (right) return route.answer(*this, request);
    auto reply = text_reply(405, "method not allowed\n");
    reply.headers.emplace_back("Allow", route.verb == Verb::read ? "GET, HEAD" : "POST");
    return reply;
  }
  return text_reply(404, "not found\n");
}

Page Routes::page(Now now, Format format, const Selection& selection) {
  const auto current = store_.current();
  Page page = assemble(current.pages, current.withheld, now, format, selection);
  const auto own = self_.text(format, selection);
  finish(page, own.text, own.series);
  return page;
}

HttpReply Routes::status() {
  return {.content_type = kHtmlType,
          .body = status_page(store_.current().pages, version(), read_clock()),
          .headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}}};
}

HttpReply Routes::metrics(const HttpRequest& request) {
  auto wish = negotiate(request.accept, request.accept_encoding);
  if (!wish) return text_reply(406, "only gzip and identity are served\n");
  const auto selection = select(request.arguments);
  if (!selection) return text_reply(400, selection.error());
  if (scrapes_->load() >= static_cast<int>(max_scrapes_.load())) {
    self_.count_scrape(503);
    return text_reply(503, "too many scrapes at once\n");
  }
  scrapes_->fetch_add(1);
  std::shared_ptr<void> leave(nullptr, [scrapes = scrapes_](void*) { scrapes->fetch_sub(1); });
  const Now now = read_clock();
  self_.count_scrape(200);
  auto whole = std::make_shared<const Page>(page(now, wish->format, *selection));
  const auto taken = std::chrono::duration<double>(read_clock().mono - now.mono);
  self_.observe_duration(taken.count());
  if (selection->is_whole()) self_.observe_page(*whole);
  HttpReply reply{.content_type = std::move(wish->content_type),
                  .body = PageBody{.page = std::move(whole), .gzip = wish->gzip},
                  .headers = {{"Vary", "Accept, Accept-Encoding"}},
                  .keep = std::move(leave)};
  if (wish->gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
  return reply;
}

HttpReply Routes::ready() const {
  const bool tried = all_tried(store_.current().pages, accounts_);
  if (tried || read_clock().mono - started_ >= kReadyAnyway) return text_reply(200, "ready\n");
  return text_reply(503, "not ready: the first polls are under way\n");
}

}  // namespace serverless::daemon
