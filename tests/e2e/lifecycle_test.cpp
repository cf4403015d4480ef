// How the program starts, answers, complains and ends.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

class Lifecycle : public E2e {
 protected:
  struct Run {
    std::optional<int> code{};
    std::string out{};
    std::string err{};
    milliseconds taken{0};
  };

  /// Runs the exporter to its end.
  [[nodiscard]] Run run(std::vector<std::string> options,
                        const std::vector<std::string>& environment = {}) const {
    options.insert(options.begin(), exporter_path());
    const auto begun = std::chrono::steady_clock::now();
    Process process(workspace_.outputs(), fmt::format("run{}", ++runs_), options, environment);
    Run result{.code = process.wait(kPatience * 3)};
    result.taken =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
    result.out = process.out();
    result.err = process.err();
    return result;
  }

  [[nodiscard]] std::string all_providers(const Simulator& simulator) const {
    std::string config;
    for (const std::string provider : {"runpod", "runpod-v1", "vast", "den"}) {
      config += simulator.account("a-" + provider, provider, key_file_);
    }
    return config;
  }

 private:
  mutable int runs_ = 0;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Lifecycle, ABadConfigurationEndsWith78AndEveryProblemWithItsPlace) {
  const auto file = workspace_.file("bad.toml", R"([poll]
intervall = "30s"
timeout = "31s"
interval = "500ms"

[log]
level = "loud"

[[accounts]]
name = "prod"
provider = "runpodd"
api_key_env = "KEY"

[[accounts]]
name = "prod"
provider = "runpod"
api_key_file = "relative/path"
groups = [1]
)");
  for (const std::string mode : {"", "--check-config", "--once"}) {
    SCOPED_TRACE("mode: " + mode);
    std::vector<std::string> options{"--config", file.string()};
    if (!mode.empty()) options.push_back(mode);
    const auto result = run(options);
    EXPECT_EQ(result.code, 78);
    EXPECT_EQ(result.out, "");
    for (const std::string problem : {":2:1: ", "did you mean 'interval'", ":4:", ":7:", ":11:",
                                      "did you mean \"runpod\"", ":15:", ":17:", ":18:"}) {
      EXPECT_TRUE(contains(result.err, problem)) << problem << " is not in\n" << result.err;
    }
    EXPECT_TRUE(contains(result.err, file.string() + ":2:1: ")) << result.err;
  }
}

TEST_F(Lifecycle, AConfigurationThatIsNotThereEndsWith78AndSaysWhich) {
  const auto result = run({"--config", (workspace_.path() / "none.toml").string()});
  EXPECT_EQ(result.code, 78);
  EXPECT_TRUE(contains(result.err, "none.toml")) << result.err;
}

TEST_F(Lifecycle, AKeyThatCannotBeReadEndsWith78AndNamesTheAccounts) {
  const auto empty = workspace_.file("empty.key", "\n");
  const std::string config = fmt::format(
      "[[accounts]]\nname = \"missing\"\nprovider = \"runpod\"\napi_key_file = \"{0}/none\"\n"
      "[[accounts]]\nname = \"empty\"\nprovider = \"den\"\napi_key_file = \"{1}\"\n"
      "[[accounts]]\nname = \"unset\"\nprovider = \"runpod-v1\"\napi_key_env = \"E2E_NOT_SET\"\n",
      workspace_.path().string(), empty.string());
  const auto result = run(exporter_options(config));
  EXPECT_EQ(result.code, 78);
  for (const std::string account : {"'missing'", "'empty'", "'unset'"}) {
    EXPECT_TRUE(contains(result.err, account)) << account << " is not in\n" << result.err;
  }
}

TEST_F(Lifecycle, ADirectoryInPlaceOfAFileEndsWith78AndSaysWhich) {
  const auto as_config = run({"--config", workspace_.path().string()});
  EXPECT_EQ(as_config.code, 78);
  EXPECT_TRUE(contains(as_config.err, workspace_.path().string())) << as_config.err;
  const auto as_key =
      run(exporter_options(fmt::format("[[accounts]]\nname = \"directory\"\nprovider = \"vast\"\n"
                                       "api_key_file = \"{}\"\n",
                                       workspace_.path().string())));
  EXPECT_EQ(as_key.code, 78);
  EXPECT_TRUE(contains(as_key.err, "'directory'")) << as_key.err;
}

TEST_F(Lifecycle, AnUnknownOptionEndsWith64) {
  const auto result = run({"--confg", "x"});
  EXPECT_EQ(result.code, 64);
  EXPECT_TRUE(contains(result.err, "--confg")) << result.err;
}

TEST_F(Lifecycle, CheckConfigOfAGoodOneEndsWith0) {
  const Simulator simulator(workspace_, simulated());
  auto options = exporter_options(all_providers(simulator));
  options.emplace_back("--check-config");
  const auto result = run(options);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(contains(result.out, "4 accounts")) << result.out;
}

TEST_F(Lifecycle, CheckConfigSaysThatMembersOfAClusterShareThePlan) {
  const Simulator simulator(workspace_, simulated());
  auto options = exporter_options("[cluster]\netcd = [\"http://127.0.0.1:1\"]\nname = \"eu\"\n" +
                                  all_providers(simulator));
  options.emplace_back("--check-config");
  const auto result = run(options);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(contains(result.out,
                       "\ncluster eu: this is the plan of a single exporter; the "
                       "members share it\n"))
      << result.out;
}

TEST_F(Lifecycle, AShardOfAClusterEndsWith78) {
  const auto file = workspace_.file("member.toml",
                                    "[cluster]\netcd = [\"http://127.0.0.1:1\"]\n[[accounts]]\n"
                                    "name = \"a\"\nprovider = \"vast\"\napi_key_env = \"A\"\n");
  for (const std::string mode : {"", "--check-config"}) {
    SCOPED_TRACE("mode: " + mode);
    std::vector<std::string> options{"--config", file.string(), "--shard=0/3"};
    if (!mode.empty()) options.push_back(mode);
    const auto result = run(options);
    EXPECT_EQ(result.code, 78);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, file.string() +
                              ": --shard and [cluster] both divide the endpoints: use one of "
                              "them\n");
  }
}

TEST_F(Lifecycle, OncePrintsThePageAndEndsWith0) {
  const Simulator simulator(workspace_, simulated({"--frozen"}));
  auto options = exporter_options(all_providers(simulator));
  options.emplace_back("--once");
  const auto result = run(options);
  EXPECT_EQ(result.code, 0) << result.err;
  const Page page = Page::parse(result.out);
  const auto fresh = page.find("serverless_endpoint_fresh");
  EXPECT_GE(fresh.size(), 20U);
  for (const auto* sample : fresh) EXPECT_EQ(sample->value, 1) << sample->series();
}

TEST_F(Lifecycle, OnceEndsWith1WhereAPollFailedAndPrintsThePageAllTheSame) {
  const Simulator simulator(workspace_, simulated({"--frozen"}));
  simulator.fault("kind=status&api=runpod-api&endpoint=" + simulator.endpoints("runpod").at(0));
  auto options = exporter_options(all_providers(simulator));
  options.emplace_back("--once");
  const auto result = run(options);
  EXPECT_EQ(result.code, 1) << result.err;
  const Page page = Page::parse(result.out);
  const Labels failed{{"endpoint_id", simulator.endpoints("runpod").at(0)}, {"source", "workers"}};
  EXPECT_EQ(page.value("serverless_endpoint_fresh", failed), 0);
  EXPECT_EQ(
      page.value("serverless_endpoint_fresh",
                 {{"endpoint_id", simulator.endpoints("runpod").at(1)}, {"source", "workers"}}),
      1);
}

TEST_F(Lifecycle, OnceEndsSoonWhereEveryProviderHangs) {
  const Simulator simulator(workspace_, simulated());
  simulator.fault("kind=hang");
  auto options = exporter_options("[poll]\ntimeout = \"1s\"\n" + all_providers(simulator));
  options.emplace_back("--once");
  const auto result = run(options);
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_LE(result.taken.count(), 10'000 * kSlowness);
  const Page page = Page::parse(result.out);
  for (const std::string provider : {"runpod", "runpod-v1", "vast", "den"}) {
    EXPECT_EQ(page.value("serverless_account_poll_failures_total",
                         {{"account", "a-" + provider}, {"reason", "timeout"}}),
              1)
        << provider << ": polls that failed, counted once each";
  }
}

TEST_F(Lifecycle, OnceIsEndedBySigtermLikeAnyCommand) {
  const Simulator simulator(workspace_, simulated());
  simulator.fault("kind=hang");
  auto options = exporter_options(all_providers(simulator));
  options.insert(options.begin(), exporter_path());
  options.emplace_back("--once");
  Process process(workspace_.outputs(), "once", options);
  ASSERT_TRUE(eventually([&] { return simulator.requests().size() >= 4; }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(kStopWithin), 128 + SIGTERM);
}

TEST_F(Lifecycle, WhatCannotBeReachedOrIsNotTlsHasItsReason) {
  const Simulator simulator(workspace_, simulated());
  const std::string https = "https" + simulator.url().substr(4);
  const std::string nobody = fmt::format("http://127.0.0.1:{}", free_port());
  const auto account = [&](std::string_view name, std::string_view url) {
    return fmt::format(
        "[[accounts]]\nname = \"{}\"\nprovider = \"den\"\napi_key_file = \"{}\"\n"
        "api_url = \"{}\"\nallow_overlap = true\n",
        name, key_file_, url);
  };
  auto options = exporter_options(account("plain", https + "/den") + account("nobody", nobody) +
                                  account("no-name", "https://no-such-name.invalid"));
  options.emplace_back("--once");
  const auto result = run(options);
  EXPECT_EQ(result.code, 1) << result.err;
  const Page page = Page::parse(result.out);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"plain", "tls"}, {"nobody", "connect"}, {"no-name", "dns"}};
  for (const auto& [name, reason] : expected) {
    EXPECT_EQ(page.value("serverless_poll_failures_total", {{"account", name}, {"reason", reason}}),
              1)
        << name;
  }
}

TEST_F(Lifecycle, SigtermAndSigintEndItInTimeWhileEveryProviderHangs) {
  const Simulator simulator(workspace_, simulated());
  simulator.fault("kind=hang");
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto seen = simulator.requests().size();
    Exporter exporter(workspace_, exporter_options(all_providers(simulator)));
    ASSERT_TRUE(eventually([&] { return simulator.requests().size() >= seen + 4; }));
    const auto begun = std::chrono::steady_clock::now();
    exporter.process().signal(signal);
    EXPECT_EQ(exporter.process().wait(), 0) << exporter.process().err();
    EXPECT_LE(std::chrono::steady_clock::now() - begun, kStopWithin);
  }
}

TEST_F(Lifecycle, SigtermEndsItInTimeWhileAScraperReadsNothing) {
  const Simulator simulator(
      workspace_, simulated({"--endpoints", "20", "--workers", "100", "--no-rate-limits"}));
  Exporter exporter(workspace_, exporter_options(simulator.account("a", "runpod", key_file_)));
  ASSERT_TRUE(exporter.shows(
      [](const Page& page) { return page.find("serverless_worker_info").size() > 1500; }));
  const DeafClient reader(exporter.url(), "/metrics");
  ASSERT_TRUE(eventually([&] {
    return exporter.page().value("serverless_exporter_scrapes_total", {{"code", "200"}}) >= 2;
  }));
  exporter.stop();
}

TEST_F(Lifecycle, SighupDoesNotEndIt) {
  const Simulator simulator(workspace_, simulated());
  Exporter exporter(workspace_, exporter_options(all_providers(simulator)));
  exporter.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return contains(exporter.process().err(), "reload"); }));
  EXPECT_EQ(get(exporter.url() + "/-/healthy").status, 200);
  EXPECT_FALSE(exporter.process().exit_code().has_value());
  exporter.stop();
}

TEST_F(Lifecycle, ReadyIs503UntilEverythingWasTriedOnceAndThen200) {
  const Simulator simulator(workspace_, simulated());
  simulator.fault("kind=slow_first_byte&seconds=3&api=runpod-queue&count=1");
  Exporter exporter(workspace_, exporter_options(all_providers(simulator)));
  const auto early = get(exporter.url() + "/-/ready");
  EXPECT_EQ(early.status, 503);
  EXPECT_TRUE(contains(early.body, "not ready")) << early.body;
  EXPECT_EQ(get(exporter.url() + "/-/healthy").status, 200);
  EXPECT_EQ(get(exporter.url() + "/metrics").status, 200);
  EXPECT_TRUE(eventually([&] { return get(exporter.url() + "/-/ready").status == 200; }));
  const Page page = exporter.page();
  for (const auto* sample : page.find("serverless_endpoint_fresh")) {
    EXPECT_EQ(sample->value, 1) << sample->series();
  }
  exporter.stop();
}

TEST_F(Lifecycle, ReadyComesAlsoWhereEveryProviderRefuses) {
  const Simulator simulator(workspace_, simulated());
  simulator.fault("kind=status");
  Exporter exporter(workspace_, exporter_options(all_providers(simulator)));
  EXPECT_TRUE(eventually([&] { return get(exporter.url() + "/-/ready").status == 200; }));
  exporter.stop();
}

TEST_F(Lifecycle, EachRouteAnswersAsHttpWantsIt) {
  const Simulator simulator(workspace_, simulated({"--frozen"}));
  Exporter exporter(workspace_, exporter_options(all_providers(simulator)));
  ASSERT_TRUE(eventually([&] { return get(exporter.url() + "/-/ready").status == 200; }));

  const auto page = get(exporter.url() + "/metrics");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const auto head = request("HEAD", exporter.url() + "/metrics");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.headers.at("content-type"), page.headers.at("content-type"));
  // The page counts its scrapes, so that its length may differ by some digits.
  EXPECT_NEAR(std::stod(head.headers.at("content-length")), static_cast<double>(page.body.size()),
              400);

  const auto status = get(exporter.url() + "/");
  EXPECT_EQ(status.status, 200);
  EXPECT_TRUE(status.headers.at("content-type").starts_with("text/html"));
  for (const auto& id : simulator.endpoints("runpod")) EXPECT_TRUE(contains(status.body, id));
  // Names are shown as text, whatever stands in them.
  EXPECT_TRUE(contains(status.body, "llm &quot;prod&quot;") ||
              contains(status.body, "llm \"prod\""));

  for (const std::string path :
       {"/nothing", "/metrics/", "/config.toml", "/-/", "/../etc/passwd"}) {
    EXPECT_EQ(get(exporter.url() + path).status, 404) << path;
  }
  for (const std::string path : {"/metrics", "/", "/-/ready", "/-/healthy"}) {
    const auto refused = request("POST", exporter.url() + path);
    EXPECT_EQ(refused.status, 405) << path;
    EXPECT_TRUE(contains(refused.headers.at("allow"), "GET")) << path;
    EXPECT_EQ(request("DELETE", exporter.url() + path).status, 405) << path;
  }
  EXPECT_EQ(get(exporter.url() + "/metrics?x=%00%ff").status, 200);
  exporter.stop();
}

TEST_F(Lifecycle, AnAccountHasThreadsForWhatWasUnderWayAtOnceAndNotForWhatMayBe) {
  constexpr int kEndpoints = 20;
  const Simulator simulator(
      workspace_, simulated({"--endpoints", std::to_string(kEndpoints), "--no-rate-limits"}));
  Exporter exporter(workspace_,
                    exporter_options("[poll]\ninterval = \"2s\"\nmax_in_flight = 200\n" +
                                     simulator.account("a", "runpod", key_file_)));
  const auto threads = [&] {
    const auto tasks = fmt::format("/proc/{}/task", exporter.process().id());
    return std::distance(std::filesystem::directory_iterator(tasks), {});
  };
  const auto polls = [&](const Page& page) {
    return page.sum("serverless_polls_total", {{"account", "a"}}).value_or(0);
  };
  ASSERT_TRUE(exporter.shows([&](const Page& page) { return polls(page) >= 5 * kEndpoints; }));
  EXPECT_LT(threads(), 60);
  // All workers and all queues at once, beside the threads that there always are.
  simulator.fault("kind=hang");
  EXPECT_TRUE(eventually([&] { return threads() > 2 * kEndpoints; }));
  EXPECT_LT(threads(), 60);
  exporter.stop();
}

TEST_F(Lifecycle, TwoExportersAtOneSimulatorDoNotDisturbEachOther) {
  const Simulator simulator(workspace_, simulated({"--frozen", "--no-rate-limits"}));
  const auto options = exporter_options("[poll]\ninterval = \"1s\"\n" + all_providers(simulator));
  Exporter one(workspace_, options, "one");
  auto other = std::make_unique<Exporter>(workspace_, options, "other");
  EXPECT_NE(one.address(), other->address());
  const auto workers = [](const Page& page) {
    std::map<std::string, double> series;
    for (const auto* sample : page.find("serverless_endpoint_workers")) {
      series[sample->series()] = sample->value;
    }
    for (const auto* sample : page.find("serverless_worker_status")) {
      series[sample->series()] = sample->value;
    }
    return series;
  };
  // Comparing RunPod's views takes three polls.
  const auto settled = [](const Page& page) {
    const auto polls = page.find("serverless_polls_total", {{"account", "a-runpod"}});
    return std::count_if(polls.begin(), polls.end(),
                         [](const auto* poll) { return poll->value >= 5; }) >= 8;
  };
  ASSERT_TRUE(one.shows(settled));
  ASSERT_TRUE(other->shows(settled));
  EXPECT_TRUE(eventually([&] {
    const auto first = workers(one.page());
    return first.size() > 300 && first == workers(other->page());
  }));
  const auto before = workers(one.page());
  other->process().signal(SIGKILL);
  other.reset();
  throughout(
      seconds{3}, [&] { EXPECT_EQ(workers(one.page()), before); }, milliseconds{500});
  one.stop();
}

TEST_F(Lifecycle, APortInUseEndsWith1AndAClearSentence) {
  const Simulator simulator(workspace_, simulated());
  Exporter exporter(workspace_, exporter_options(simulator.account("a", "den", key_file_)));
  auto options = exporter_options(simulator.account("b", "den", key_file_), "other");
  options.insert(options.end(), {"--web.listen-address", exporter.address()});
  const auto result = run(options);
  EXPECT_EQ(result.code, 1);
  EXPECT_TRUE(contains(result.err, exporter.address())) << result.err;
  EXPECT_TRUE(contains(result.err, "in use")) << result.err;
  EXPECT_LE(result.taken.count(), 10'000 * kSlowness);
  EXPECT_EQ(get(exporter.url() + "/-/healthy").status, 200);
  exporter.stop();
}

TEST_F(Lifecycle, OneProgramServesOnSeveralAddresses) {
  const Simulator simulator(workspace_, simulated());
  const auto socket = (workspace_.path() / "x.sock").string();
  auto options = exporter_options(simulator.account("a", "den", key_file_));
  options.insert(options.end(),
                 {"--web.listen-address=127.0.0.1:0", "--web.listen-address=unix:" + socket});
  Exporter exporter(workspace_, options);
  EXPECT_EQ(get(exporter.url() + "/-/healthy").status, 200);
  const auto reply = request("GET", "http://localhost/-/healthy", seconds{5 * kSlowness}, socket);
  EXPECT_EQ(reply.status, 200) << reply.error;
  EXPECT_EQ(reply.body, "healthy\n");
  exporter.stop();
}

TEST_F(Lifecycle, ADemoTakesItsSimulatorAlong) {
  Exporter exporter(workspace_, {"--demo"});
  const auto children = [&] {
    return read_file(fmt::format("/proc/{0}/task/{0}/children", exporter.process().id()));
  };
  const std::string child = children().substr(0, children().find(' '));
  ASSERT_NE(child, "");
  const auto runs = [&] { return std::filesystem::exists("/proc/" + child); };
  EXPECT_TRUE(runs());
  exporter.process().signal(SIGKILL);
  EXPECT_TRUE(eventually([&] { return !runs(); }, seconds{5 * kSlowness}));
}

}  // namespace
}  // namespace e2e
