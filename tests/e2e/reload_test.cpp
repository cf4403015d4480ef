#include <fmt/format.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

constexpr const char* kReloaded = "serverless_exporter_config_last_reload_successful";

class Reload : public E2e {
 protected:
  [[nodiscard]] std::string config(const Simulator& simulator, const std::string& interval,
                                   const std::string& more = "") const {
    return "[poll]\ninterval = \"" + interval + "\"\n" + simulator.account("v", "vast", key_file_) +
           more;
  }
  void rewrite(const std::string& text) const {
    write_file(workspace_.path() / "config.toml", text);
  }
};

bool polled(const Page& page) {
  return page.sum("serverless_polls_total", {{"account", "v"}, {"source", "workers"}}) > 5;
}

TEST_F(Reload, AnUnchangedAccountKeepsItsDataAndCountersAndANewOneJoins) {
  const Simulator simulator(workspace_, simulated());
  Exporter exporter(workspace_, exporter_options(config(simulator, "1s")));
  ASSERT_TRUE(exporter.shows(polled));
  const auto before = exporter.page();

  rewrite(config(simulator, "1s", simulator.account("r", "runpod", key_file_)));
  exporter.process().signal(SIGHUP);
  ASSERT_TRUE(exporter.shows([](const Page& page) {
    return page.has("serverless_endpoint_workers", {{"account", "r"}});
  }));
  const auto after = exporter.page();
  EXPECT_EQ(after.value(kReloaded), 1);
  const Labels polls{{"account", "v"}, {"source", "workers"}};
  EXPECT_GE(after.sum("serverless_polls_total", polls),
            before.sum("serverless_polls_total", polls));
  EXPECT_EQ(after.sum("serverless_endpoint_fresh", polls),
            before.sum("serverless_endpoint_fresh", polls));
}

TEST_F(Reload, AnAccountThatGoesTakesItsSeriesAlong) {
  const Simulator simulator(workspace_, simulated());
  Exporter exporter(workspace_, exporter_options(config(
                                    simulator, "1s", simulator.account("r", "runpod", key_file_))));
  ASSERT_TRUE(exporter.shows([](const Page& page) {
    return page.has("serverless_endpoint_workers", {{"account", "r"}});
  }));
  rewrite(config(simulator, "1s"));
  exporter.process().signal(SIGHUP);
  EXPECT_TRUE(exporter.shows([](const Page& page) {
    for (const auto& sample : page.samples()) {
      if (sample.label("account") == "r") return false;
    }
    return true;
  }));
}

TEST_F(Reload, AnotherIntervalKeepsWhatIsKnownAndLeavesNoGap) {
  const Simulator simulator(workspace_, simulated());
  auto options = exporter_options(config(simulator, "1s"));
  options.push_back("--web.enable-lifecycle");
  Exporter exporter(workspace_, options);
  ASSERT_TRUE(exporter.shows(polled));
  const auto before = exporter.page();
  rewrite(config(simulator, "2s"));
  const auto reply = request("POST", exporter.url() + "/-/reload");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "reloaded\n");
  const auto after = exporter.page();
  EXPECT_TRUE(after.has("serverless_endpoint_workers", {{"account", "v"}}));
  const Labels polls{{"account", "v"}, {"source", "workers"}};
  EXPECT_GE(after.sum("serverless_polls_total", polls),
            before.sum("serverless_polls_total", polls));
  for (const auto* sample : after.find("serverless_poll_interval_seconds", polls)) {
    EXPECT_GE(sample->value, 2);
  }
}

TEST_F(Reload, ABadFileChangesNothingAndSaysWhyEverywhere) {
  const Simulator simulator(workspace_, simulated());
  auto options = exporter_options(config(simulator, "1s"));
  options.push_back("--web.enable-lifecycle");
  Exporter exporter(workspace_, options);
  ASSERT_TRUE(exporter.shows(polled));
  rewrite(config(simulator, "1y"));
  const auto reply = request("POST", exporter.url() + "/-/reload");
  EXPECT_EQ(reply.status, 500);
  EXPECT_NE(reply.body.find("config.toml:2:12: interval: expected a duration"), std::string::npos)
      << reply.body;
  EXPECT_EQ(exporter.page().value(kReloaded), 0);
  EXPECT_NE(exporter.process().err().find("event=reload_failed"), std::string::npos);
  EXPECT_TRUE(exporter.page().has("serverless_endpoint_workers", {{"account", "v"}}));

  rewrite(config(simulator, "1s"));
  EXPECT_EQ(request("POST", exporter.url() + "/-/reload").status, 200);
  EXPECT_EQ(exporter.page().value(kReloaded), 1);
  exporter.stop();
}

TEST_F(Reload, ByPostOnlyWhereItWasEnabled) {
  const Simulator simulator(workspace_, simulated());
  const Exporter exporter(workspace_, exporter_options(config(simulator, "1s")));
  EXPECT_EQ(request("POST", exporter.url() + "/-/reload").status, 403);
  const auto get_reply = get(exporter.url() + "/-/reload");
  EXPECT_EQ(get_reply.status, 405);
  EXPECT_EQ(get_reply.headers.at("allow"), "POST");
}

TEST_F(Reload, AKeyThatIsReplacedIsUsedWithoutAnyReload) {
  const std::string other = "e2e+Another/Key~9f8c7d?b5a41>e1=";
  const auto key_file = workspace_.file("rotating.key", kKey).string();
  const Simulator simulator(workspace_, simulated());
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"1s\"\n" +
                                                 simulator.account("r", "runpod", key_file)));
  const auto fresh = [](double value) {
    return [value](const Page& page) {
      const auto up = page.value("serverless_account_up", {{"account", "r"}, {"api", "control"}});
      return up == value;
    };
  };
  ASSERT_TRUE(exporter.shows(fresh(1)));
  simulator.admin("POST", "key?add=" + std::string("e2e%2BAnother%2FKey~9f8c7d%3Fb5a41%3Ee1%3D"));
  simulator.admin("POST", "key?remove=" + std::string("e2e%2BKey%2F9f8c7d~6b5a%3F41%3Ee0%3D"));
  ASSERT_TRUE(exporter.shows(fresh(0)));
  write_file(key_file + ".new", other);
  std::filesystem::rename(key_file + ".new", key_file);
  EXPECT_TRUE(exporter.shows(fresh(1)));
  EXPECT_EQ(find_leaks(workspace_.outputs(), {other}), std::vector<std::string>{});
  exporter.stop();
}

}  // namespace
}  // namespace e2e
