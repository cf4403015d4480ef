#include "daemon/routes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/assets.hpp"
#include "daemon/clock.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;

// A process without dispatchers: what is published stays what it is.
class Served : public testing::Test {
 protected:
  Served() { routes_.set_terms({.accounts = 1}); }

  HttpReply get(std::string path, std::vector<std::pair<std::string, std::string>> arguments = {}) {
    return routes_.handle(
        {.method = "GET", .path = std::move(path), .arguments = std::move(arguments)});
  }

  // One endpoint of one worker, polled now.
  void publish(const std::string& account, std::string_view provider) {
    AccountState state{.name = account, .provider = find_provider(provider)};
    EndpointState endpoint;
    endpoint.info.id = "e1";
    endpoint.sources[static_cast<std::size_t>(Source::workers)] =
        SourceState{.good = read_clock(), .ok = true, .max_age = 90s};
    endpoint.workers.edit().resize(1);
    endpoint.workers.edit()[0].reported.id = "w1";
    state.endpoints.emplace("e1", std::make_shared<const EndpointState>(std::move(endpoint)));
    state.discovered = true;
    store_.publish(std::make_shared<const AccountPage>(
        make_page(std::move(state), {.provider = find_provider(provider)}, read_clock())));
  }

  Store store_{config::Limits{}};
  SelfMetrics self_{};
  Routes routes_{store_, self_, read_clock().mono,
                 [] { return HttpReply{.body = std::string("reloaded\n")}; }};
};

std::string text_of(const HttpReply& reply) {
  if (const auto* page = std::get_if<PageBody>(&reply.body)) return page->page->text();
  if (const auto* stream = std::get_if<StreamBody>(&reply.body)) {
    std::string text;
    for (auto part = stream->next(); !part.empty(); part = stream->next()) text += part;
    return text;
  }
  return std::get<std::string>(reply.body);
}

std::string header_of(const HttpReply& reply, const std::string& name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return "";
}

// The families that have samples.
std::vector<std::string> families_of(const std::string& page) {
  std::vector<std::string> families;
  for (auto at = page.find("# TYPE "); at != std::string::npos; at = page.find("# TYPE ", at + 1)) {
    families.push_back(page.substr(at + 7, page.find(' ', at + 7) - at - 7));
  }
  return families;
}

TEST_F(Served, AnUnknownPathIs404) {
  for (const std::string path : {"/nothing", "", "/metrics/", "//", "/-/"}) {
    const auto reply = get(path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(text_of(reply), "not found\n");
  }
}

TEST_F(Served, AWrongMethodIs405AndNamesTheRightOnes) {
  for (const std::string path : {"/", "/metrics", "/-/healthy", "/-/ready"}) {
    const auto reply = routes_.handle({.method = "POST", .path = path});
    EXPECT_EQ(reply.status, 405) << path;
    EXPECT_EQ(header_of(reply, "Allow"), "GET, HEAD") << path;
  }
  const auto reply = get("/-/reload");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(header_of(reply, "Allow"), "POST");
  EXPECT_EQ(text_of(routes_.handle({.method = "POST", .path = "/-/reload"})), "reloaded\n");
}

TEST_F(Served, HeadIsAnsweredAsGet) {
  for (const std::string path : {"/", "/metrics", "/-/healthy", "/-/ready"}) {
    const auto head = routes_.handle({.method = "HEAD", .path = path});
    EXPECT_EQ(head.status, get(path).status) << path;
  }
}

TEST_F(Served, OnlyTheFilesOfThePageMayBeKept) {
  for (const auto& asset : assets()) {
    const auto reply = get(std::string(asset.path));
    EXPECT_EQ(reply.status, 200) << asset.path;
    EXPECT_EQ(reply.content_type, asset.content_type);
    EXPECT_EQ(text_of(reply), asset.text);
    EXPECT_EQ(header_of(reply, "Cache-Control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(routes_.handle({.method = "POST", .path = std::string(asset.path)}).status, 405);
  }
  for (const std::string path : {"/", "/metrics", "/config", "/api/v1/workers", "/nothing"}) {
    EXPECT_EQ(header_of(get(path), "Cache-Control"), "no-store") << path;
  }
}

TEST_F(Served, TheConfigurationIsThatOfTheLastReload) {
  routes_.set_terms({.config = "[web]\n"});
  EXPECT_EQ(text_of(get("/config")), "[web]\n");
}

TEST_F(Served, JsonIsStreamedAndGzippedForWhoWantsIt) {
  publish("prod", "den");
  const auto plain = get("/api/v1/workers");
  EXPECT_EQ(plain.content_type, "application/json");
  EXPECT_NE(text_of(plain).find("\"worker_id\":\"w1\""), std::string::npos);
  EXPECT_EQ(header_of(plain, "Content-Encoding"), "");
  const auto gzip =
      routes_.handle({.method = "GET", .path = "/api/v1/endpoints", .accept_encoding = "gzip"});
  EXPECT_EQ(header_of(gzip, "Content-Encoding"), "gzip");
  EXPECT_TRUE(std::get<StreamBody>(gzip.body).gzip);
  EXPECT_EQ(get("/api/v1/workers", {{"x", "y"}}).status, 400);
  EXPECT_EQ(get("/debug/polls", {{"endpoint", "e1"}}).content_type, "text/plain; charset=utf-8");
}

TEST_F(Served, IsReadyOnceEverythingWasTried) {
  EXPECT_EQ(get("/-/ready").status, 503);
  publish("prod", "den");
  EXPECT_EQ(get("/-/ready").status, 503) << "the endpoint was not tried";
  EXPECT_EQ(get("/-/healthy").status, 200);
}

TEST_F(Served, WhereThereIsNoRoomForAnAnswerHealthIsStillTold) {
  const auto ask = [&](const std::string& path) {
    return routes_.handle({.method = "GET", .path = path, .crowded = true}).status;
  };
  EXPECT_EQ(ask("/metrics"), 503);
  EXPECT_EQ(ask("/"), 503);
  EXPECT_EQ(ask("/-/healthy"), 200);
  EXPECT_NE(text_of(get("/metrics")).find("serverless_exporter_scrapes_total{code=\"503\"} 1\n"),
            std::string::npos);
}

TEST_F(Served, NameIsOfTheFleetAndOfTheProcess) {
  publish("prod", "den");
  const auto reply = get("/metrics", {{"name[]", "serverless_endpoint_fresh"},
                                      {"name[]", "serverless_worker_info"},
                                      {"name[]", "process_open_fds"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(families_of(text_of(reply)),
            (std::vector<std::string>{"serverless_endpoint_fresh", "serverless_worker_info",
                                      "process_open_fds"}));
}

TEST_F(Served, AMemberOfAClusterTellsHowItStandsNow) {
  const ClusterStatus cluster{.cluster = "gpu",
                              .self = "b",
                              .engine_up = true,
                              .joined = true,
                              .settled = true,
                              .renewed = read_clock().mono - 1h,
                              .members = {{.name = "b", .in_step = true, .endpoints = 2}}};
  const std::string title = "<h2>Cluster <bdi>gpu</bdi> <small>1 member, 2 endpoints</small></h2>";
  const std::string sample = "\nserverless_exporter_cluster_endpoints 2\n";
  const auto told = [&](const std::string& path, const std::string& what) {
    return text_of(get(path)).find(what) != std::string::npos;
  };
  EXPECT_FALSE(told("/", title));
  EXPECT_FALSE(told("/metrics", sample));
  routes_.set_cluster(cluster);
  EXPECT_TRUE(told("/", title));
  EXPECT_TRUE(told("/metrics", sample));
  EXPECT_TRUE(told("/metrics", "\nserverless_exporter_cluster_lease_age_seconds 36"));
  routes_.set_cluster({});
  EXPECT_FALSE(told("/", title));
  EXPECT_FALSE(told("/metrics", sample));
}

TEST_F(Served, ProvidersThatWereNotAskedForAreLeftOutAndTheProcessIsNot) {
  publish("one", "den");
  publish("other", "vast");
  const auto vast = text_of(get("/metrics", {{"collect[]", "vast"}}));
  EXPECT_EQ(vast.find("account=\"one\""), std::string::npos);
  EXPECT_NE(vast.find("account=\"other\""), std::string::npos);
  EXPECT_NE(vast.find("process_open_fds"), std::string::npos);
  const auto rest = text_of(get("/metrics", {{"exclude[]", "vast"}}));
  EXPECT_NE(rest.find("account=\"one\""), std::string::npos);
  EXPECT_EQ(rest.find("account=\"other\""), std::string::npos);
}

TEST_F(Served, AMetricThatIsNoneIs400AndNoEmptyPage) {
  const auto reply = get("/metrics", {{"name[]", "serverless_nothing"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(text_of(reply), "name[]: 'serverless_nothing' is no metric of ours\n");
}

TEST_F(Served, APartOfThePageDoesNotPassForItsSize) {
  publish("prod", "den");
  const auto size = [&] {
    const auto page = text_of(get("/metrics", {{"name[]", "serverless_exporter_series"}}));
    return page.substr(page.rfind(' '));
  };
  const auto nothing = size();
  EXPECT_EQ(size(), nothing) << "a part";
  static_cast<void>(get("/metrics"));
  EXPECT_NE(size(), nothing) << "the whole";
}

}  // namespace
}  // namespace serverless::daemon
