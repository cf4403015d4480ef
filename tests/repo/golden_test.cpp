// Holds the whole page of each provider to tests/golden/. UPDATE_GOLDEN=1 accepts what is new.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/registry.hpp"
#include "tests/repo/edit_fixture.hpp"
#include "tests/repo/exporter_fixture.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using std::chrono::seconds;

http::Response ok(std::string body) { return {.status = 200, .body = std::move(body)}; }

const std::string kControl = "GET https://api.runpod.io/v2/";
const std::string kQueue = "GET https://api.runpod.ai/v2/";
const std::string kV1 =
    "GET https://rest.runpod.io/v1/endpoints?includeWorkers=true&includeTemplate=true";
const std::string kConsole = "GET https://console.vast.ai/api/";
const std::string kEndpointWorkers = "POST https://run.vast.ai/get_endpoint_workers/";
const std::string kGroupWorkers = "POST https://run.vast.ai/get_autogroup_workers/";
const std::string kDen = "GET https://api.openworklabs.com/v1/workers?limit=50";

/// A rollout ends: the outdated worker goes, an idle one begins to work, a new one comes. Meanwhile
/// the list of another endpoint fails, and a third one never had a worker.
std::string runpod_page() {
  const Now first = now_at("2026-11-22T03:10:00Z");
  Exporter exporter("runpod");
  const auto rollout = fixture("runpod/workers_rollout.json");
  exporter.poll_all(
      {{kControl + "serverless", ok(fixture("runpod/endpoints.json"))},
       {kControl + "billing/serverless?bucketSize=hour&lastN=2",
        ok(fixture("runpod/billing.json"))},
       {kControl + "serverless/q7k2m9x4ab/workers", ok(rollout)},
       {kQueue + "q7k2m9x4ab/health", ok(fixture("runpod/health_full.json"))},
       {kControl + "serverless/lb3n8t5rqz/workers", ok(fixture("runpod/workers_starved.json"))},
       {kQueue + "lb3n8t5rqz/health", ok(fixture("runpod/health_not_routable.json"))},
       {kControl + "serverless/cpu1aaaaaa/workers", ok(fixture("runpod/workers_none.json"))},
       {kQueue + "cpu1aaaaaa/health", ok(fixture("runpod/health_minimal.json"))}},
      first);

  auto rolled = with(without(rollout, "workers.1"), "workers.1.status", R"("RUNNING")");
  rolled = with(rolled, "workers.3",
                R"({"id":"wk5eeeeeeeeeee","status":"INITIALIZING","isStale":false,"version":7,)"
                R"("gpuCount":1,"image":"acme/sdxl:v3"})");
  rolled = with(with(rolled, "summary.idle", "0"), "summary.initializing", "2");
  auto health = with(fixture("runpod/health_full.json"), "jobs.completed", "135");
  exporter.poll_workers(
      {{kControl + "serverless/q7k2m9x4ab/workers", ok(rolled)},
       {kQueue + "q7k2m9x4ab/health", ok(health)},
       {kControl + "serverless/lb3n8t5rqz/workers", {.status = 502, .body = "<html>"}},
       {kQueue + "lb3n8t5rqz/health", ok(fixture("runpod/health_not_routable.json"))},
       {kControl + "serverless/cpu1aaaaaa/workers", ok(fixture("runpod/workers_none.json"))},
       {kQueue + "cpu1aaaaaa/health", ok(fixture("runpod/health_minimal.json"))}},
      later(first, seconds{30}));
  return exporter.page(later(first, seconds{31}));
}

/// The queue view decides what the lifecycle leaves open: by counts while two workers are up, for
/// the worker itself once it is alone. The other endpoint has no queue view.
std::string runpod_v1_page() {
  const Now first = now_at("2026-11-22T03:10:00Z");
  Exporter exporter("runpod-v1");
  const auto list = fixture("runpod_v1/endpoints.json");
  const http::Response absent{.status = 404};
  exporter.poll_all({{kV1, ok(list)},
                     {kQueue + "jp1aaaaaaaaaaa/health",
                      ok(R"({"jobs":{"completed":131,"failed":4,"inProgress":1,"inQueue":0,)"
                         R"("retried":1},"workers":{"idle":1,"initializing":0,"ready":1,)"
                         R"("running":1,"throttled":0,"unhealthy":0}})")},
                     {kQueue + "jp2bbbbbbbbbbb/health", absent}},
                    first);
  auto scaled = without(list, "0.workers.1");
  scaled = with(scaled, "1.workers.0",
                R"({"id":"xc1","desiredStatus":"RUNNING","slsVersion":0,)"
                R"("costPerHr":0.08,"vcpuCount":2,"memoryInGb":4})");
  exporter.poll_workers({{kV1, ok(scaled)},
                         {kQueue + "jp1aaaaaaaaaaa/health", ok(fixture("runpod/health_idle.json"))},
                         {kQueue + "jp2bbbbbbbbbbb/health", absent}},
                        later(first, seconds{30}));
  return exporter.page(later(first, seconds{31}));
}

/// A model finishes loading, a stopped worker vanishes although its instance still bills, and a
/// second endpoint's workers are not ready to be asked for.
std::string vast_page() {
  const Now first = now_at("2024-08-21T21:40:00Z");
  Exporter exporter("vast");
  const auto workers = fixture("vast/workers_ok.json");
  const auto page2 =
      without(without(fixture("vast/instances_v1_page2.json"), "instances.2"), "instances.2");
  const auto token = kConsole + "v1/instances/?limit=25&after_token=" +
                     http::url_encode("eyJ2YWx1ZXMiOiB7ImlkIjogMzU1MDg0MDF9fQ==");
  exporter.poll_all(
      {{kConsole + "v0/endptjobs/", ok(fixture("vast/endptjobs_ok.json"))},
       {kConsole + "v0/workergroups/", ok(fixture("vast/workergroups_ok.json"))},
       {kConsole + "v1/instances/?limit=25", ok(fixture("vast/instances_v1_page1.json"))},
       {token, ok(page2)},
       {kEndpointWorkers, ok(workers)},
       {kGroupWorkers, ok(without(workers, "2"))},
       {kEndpointWorkers, ok(fixture("vast/workers_error_msg.json"))}},
      first);

  auto loaded = with(without(workers, "2"), "1.status", R"("idle")");
  loaded = with(with(loaded, "1.loaded_at", "1724276415.5"), "1.ready_ever", "true");
  loaded = with(with(loaded, "1.measured_perf", "1388.1"), "1.perf", "1358.4");
  exporter.poll_workers(
      {{kConsole + "v1/instances/?limit=25", ok(fixture("vast/instances_v1_page1.json"))},
       {token, ok(page2)},
       {kEndpointWorkers, ok(loaded)},
       {kGroupWorkers, ok(loaded)},
       {kEndpointWorkers, ok(fixture("vast/workers_empty.json"))}},
      later(first, seconds{30}));
  return exporter.page(later(first, seconds{31}));
}

/// A worker is provisioned, one falls silent, one is deleted; somebody's laptop is not listed.
std::string den_page() {
  const Now first = now_at("2026-08-12T15:58:00Z");
  Exporter exporter("den", "organization = \"acme\"");
  auto before = with(fixture("den/workers_ok.json"), "workers.4",
                     R"({"id":"wrk_silent","destination":"cloud","status":"healthy",)"
                     R"("imageVersion":"openwork-0.17.29","createdAt":"2026-08-01T00:00:00.000Z",)"
                     R"("lastHeartbeatAt":"2026-08-12T15:43:30.000Z",)"
                     R"("lastActiveAt":"2026-08-12T15:40:00.000Z",)"
                     R"("instance":{"provider":"daytona","region":"eu"}})");
  exporter.poll_all({{kDen, ok(before)}}, first);
  auto after = with(without(before, "workers.1"), "workers.2.status", R"("healthy")");
  after = with(after, "workers.2.lastHeartbeatAt", R"("2026-08-12T15:58:50.000Z")");
  exporter.poll_workers({{kDen, ok(after)}}, later(first, seconds{65}));
  return exporter.page(later(first, seconds{66}));
}

struct Page {
  std::string_view provider{};
  std::string (*make)() = nullptr;
};

// One a line.
// clang-format off
constexpr std::array kPages{
    Page{"runpod", runpod_page},
    Page{"runpod-v1", runpod_v1_page},
    Page{"vast", vast_page},
    Page{"den", den_page},
};
// clang-format on

void compare(std::string_view provider, const std::string& page) {
  const auto path = "tests/golden/" + std::string{provider} + ".txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(std::string{SOURCE_DIR "/"} + path, std::ios::binary) << page;
  }
  const auto golden = read_file(path);
  ASSERT_EQ(difference(golden, page), std::vector<std::string>{})
      << path << ": if it is meant, UPDATE_GOLDEN=1, and read the difference";
  EXPECT_TRUE(golden == page) << path << ": the same lines in another order";
}

TEST(Golden, PagesAreWhatTheyWere) {
  for (const auto& page : kPages) compare(page.provider, page.make());
}

TEST(Golden, EveryProviderHasItsPage) {
  std::vector<std::string_view> shown;
  std::vector<std::string_view> known;
  for (const auto& page : kPages) shown.push_back(page.provider);
  for (const auto& provider : providers()) known.push_back(provider.name);
  EXPECT_EQ(shown, known) << "kPages of this test, and the table of providers";
}

TEST(Golden, ADifferenceIsShownLineByLine) {
  EXPECT_EQ(difference("a 1\nb 2\nc 3\n", "a 1\nb 3\n"),
            (std::vector<std::string>{"-b 2", "-c 3", "+b 3"}));
}

}  // namespace
}  // namespace serverless::repo
