// No key and nothing of a body in anything that the exporter writes, whatever goes wrong. Every
// other test of this suite is searched too, at its end.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Leaks = E2e;

constexpr const char* kKinds[] = {"status&code=500&body={}",
                                  "status&code=401&body={}",
                                  "status&code=404&body={}",
                                  "status&code=429&retry_after=1&body={}",
                                  "auth",
                                  "rate_limited&retry_after=1",
                                  "truncated",
                                  "short_body",
                                  "wrong_shape",
                                  "wrapped",
                                  "html",
                                  "empty",
                                  "wrong_content_type",
                                  "malformed_worker",
                                  "error_200",
                                  "error_200&form=string",
                                  "invalid_utf8",
                                  "duplicate_keys",
                                  "nan",
                                  "gone",
                                  "redirect&to=http://127.0.0.1:1/{}",
                                  "reset"};

TEST_F(Leaks, NeitherKeyNorBodiesAreInAnythingThatIsWritten) {
  const Simulator simulator(workspace_, simulated({"--no-rate-limits"}));
  const auto variable = std::string("E2E_LEAK_KEY=") + kKey;
  std::string config = "[poll]\ninterval = \"1s\"\n[log]\nlevel = \"debug\"\n";
  for (const std::string provider : {"runpod", "runpod-v1", "vast", "den"}) {
    config += simulator.account("a-" + provider, provider, key_file_);
  }
  // A key that comes from the environment and is wrong for a while.
  config += fmt::format(
      "[[accounts]]\nname = \"env\"\nprovider = \"runpod\"\napi_key_env = \"E2E_LEAK_KEY\"\n"
      "api_url = \"{0}/runpod-api\"\nqueue_url = \"{0}/runpod-queue\"\nallow_overlap = true\n",
      simulator.url());
  const auto options = exporter_options(config);
  const std::string encoded = disguises(kPlanted).at(1);
  int pages = 0;
  const auto keep_pages = [&](const std::string& url) {
    for (const std::string path : {"/metrics", "/", "/-/ready", "/nothing", "/debug/polls",
                                   "/config", "/api/v1/endpoints", "/api/v1/workers"}) {
      workspace_.keep(fmt::format("page{}", ++pages), get(url + path).body);
    }
  };
  for (const std::string format : {"logfmt", "json"}) {
    auto with_format = options;
    with_format.insert(with_format.end(), {"--log.format", format});
    Exporter exporter(workspace_, with_format, "exporter-" + format, {variable});
    ASSERT_TRUE(exporter.shows([](const Page& page) {
      return page.has("serverless_endpoint_workers", {{"provider", "vast"}}) &&
             page.has("serverless_endpoint_workers", {{"provider", "den"}}) &&
             page.has("serverless_endpoint_workers", {{"account", "env"}});
    }));
    keep_pages(exporter.url());
    for (const std::string kind : kKinds) {
      std::string query = "kind=" + kind;
      if (const auto at = query.find("{}"); at != std::string::npos) query.replace(at, 2, encoded);
      simulator.fault(query);
      const auto seen = simulator.requests().size();
      EXPECT_TRUE(eventually([&] { return simulator.requests().size() >= seen + 8; })) << kind;
      keep_pages(exporter.url());
      simulator.clear_faults();
    }
    simulator.admin("POST", "key?remove=" + disguises(kKey).at(1));
    EXPECT_TRUE(exporter.shows([](const Page& page) {
      return page.value("serverless_account_up", {{"account", "env"}, {"api", "control"}}) == 0;
    }));
    keep_pages(exporter.url());
    simulator.admin("POST", "key?add=" + disguises(kKey).at(1));
    exporter.process().signal(SIGHUP);
    exporter.stop();
    EXPECT_NE(exporter.process().err().find("poll_failed"), std::string::npos)
        << "faults were meant to be in the log";
  }

  int runs = 0;
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), options.begin(), options.end());
    more.insert(more.begin(), exporter_path());
    Process process(workspace_.outputs(), fmt::format("run{}", ++runs), more, {variable});
    EXPECT_TRUE(process.wait().has_value());
    return process.out() + process.err();
  };
  EXPECT_NE(run({"--once"}), "");
  simulator.fault("kind=status&body=" + encoded);
  EXPECT_NE(run({"--once"}), "");
  EXPECT_NE(run({"--check-config"}), "");
  // A key in the wrong place is not repeated. Names of keys are, up to 32 characters.
  const auto pasted = workspace_.file(
      "pasted.toml",
      fmt::format("[[accounts]]\nname = \"{0}\"\nprovider = \"{0}\"\napi_key_env = \"{0}\"\n"
                  "\"{0}{0}\" = 1\n[poll]\ninterval = \"{0}\"\n",
                  kKey));
  EXPECT_NE(run({"--config", pasted.string()}), "");
  const auto as_file = workspace_.file(
      "file.toml",
      fmt::format("[[accounts]]\nname = \"x\"\nprovider = \"den\"\napi_key_file = \"{}\"\n"
                  "api_url = \"https://{}@example.invalid\"\n",
                  kKey, "user:" + std::string(kKey)));
  EXPECT_NE(run({"--config", as_file.string()}), "");
  const auto broken =
      workspace_.file("broken.toml", fmt::format("[[accounts]]\napi_key = {}\n", kKey));
  EXPECT_NE(run({"--config", broken.string()}), "");
  // TearDown() searches everything.
}

TEST_F(Leaks, TheSearchFindsACanaryInEveryDisguise) {
  const std::string canary = "canary/Bird+in~mine?9>1=";
  int number = 0;
  EXPECT_TRUE(find_leaks(workspace_.outputs(), {canary}).empty());
  for (const std::string& form :
       {canary, std::string("canary%2FBird%2Bin~mine%3F9%3E1%3D"),
        // base64 of "canary...", of "kcanary..." and of "k:canary...", and the last for URLs.
        std::string("Y2FuYXJ5L0JpcmQraW5+bWluZT85PjE9"),
        std::string("a2NhbmFyeS9CaXJkK2lufm1pbmU/OT4xPQ=="),
        std::string("azpjYW5hcnkvQmlyZCtpbn5taW5lPzk+MT0="),
        std::string("azpjYW5hcnkvQmlyZCtpbn5taW5lPzk-MT0=")}) {
    workspace_.keep(fmt::format("planted{}", ++number), "event=x detail=\"" + form + "\"\n");
    EXPECT_EQ(find_leaks(workspace_.outputs(), {canary}).size(), 1U) << form;
    std::filesystem::remove(workspace_.outputs() / fmt::format("planted{}", number));
  }
  // And one that a program under test has written.
  const Process echo(workspace_.outputs(), "echo", {"/bin/echo", "key " + canary});
  EXPECT_TRUE(eventually([&] { return !find_leaks(workspace_.outputs(), {canary}).empty(); }));
}

}  // namespace
}  // namespace e2e
