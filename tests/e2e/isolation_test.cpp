// What hangs delays nobody else.

#include <fmt/format.h>

#include <algorithm>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Isolation = E2e;

constexpr double kTimeout = 2;

// Ages beyond interval and timeout, but for what `is_hung` says; a line each.
std::string overdue(const Page& page, double when,
                    const std::function<bool(const Sample&)>& is_hung) {
  std::string out;
  for (const auto* sample : page.find("serverless_poll_interval_seconds")) {
    if (is_hung(*sample)) continue;
    const auto success =
        page.value("serverless_poll_last_success_timestamp_seconds", sample->labels);
    const double age = success ? when - *success : 1e9;
    if (age > sample->value + kTimeout * kSlowness) {
      out += fmt::format("{} has interval {} and age {}\n", sample->series(), sample->value, age);
    }
    if (page.value("serverless_endpoint_fresh", sample->labels) != 1) {
      out += fmt::format("{} is not fresh\n", sample->series());
    }
  }
  return out;
}

std::string poll_table() {
  return fmt::format("[poll]\ninterval = \"2s\"\ntimeout = \"{}s\"\nmax_age = \"10s\"\n", kTimeout);
}

bool all_fresh(const Page& page, std::size_t least) {
  const auto fresh = page.find("serverless_endpoint_fresh");
  return fresh.size() >= least && std::all_of(fresh.begin(), fresh.end(), [](const auto* sample) {
           return sample->value == 1;
         });
}

TEST_F(Isolation, AnAccountThatHangsDelaysNoOther) {
  const Simulator hanging(workspace_, simulated({"--endpoints", "3", "--workers", "2"}), "hanging");
  const Simulator good(workspace_, simulated(), "good");
  std::string config = poll_table();
  for (const std::string provider : {"runpod", "runpod-v1", "vast", "den"}) {
    config += hanging.account("hangs-" + provider, provider, key_file_);
    config += good.account("good-" + provider, provider, key_file_);
  }
  Exporter exporter(workspace_, exporter_options(config));
  ASSERT_TRUE(exporter.shows([](const Page& page) { return all_fresh(page, 40); }));
  hanging.fault("kind=hang");
  const auto hangs = [](const Sample& sample) {
    return sample.label("account").starts_with("hangs-");
  };
  throughout(
      seconds{15},
      [&] {
        const double when = unix_now();
        EXPECT_EQ(overdue(exporter.page(), when, hangs), "");
      },
      seconds{1});
  for (const std::string account : {"hangs-runpod", "hangs-runpod-v1", "hangs-vast"}) {
    EXPECT_TRUE(exporter.shows([&](const Page& page) {
      return page.sum("serverless_poll_failures_total",
                      {{"account", account}, {"reason", "timeout"}})
                     .value_or(0) >= 1 &&
             page.sum("serverless_endpoint_fresh", {{"account", account}, {"source", "workers"}}) ==
                 0;
    })) << account;
  }
  exporter.stop();
}

TEST_F(Isolation, AnEndpointThatHangsDelaysNoneOfTheOtherNine) {
  const Simulator simulator(workspace_,
                            simulated({"--endpoints", "10", "--workers", "3", "--no-rate-limits"}));
  Exporter exporter(workspace_,
                    exporter_options(poll_table() + simulator.account("a", "runpod", key_file_)));
  ASSERT_TRUE(exporter.shows([](const Page& page) { return all_fresh(page, 30); }));
  const auto hung = simulator.endpoints("runpod").at(4);
  simulator.fault(fmt::format("kind=hang&endpoint={}", hung));
  throughout(
      seconds{15},
      [&] {
        const double when = unix_now();
        EXPECT_EQ(
            overdue(exporter.page(), when,
                    [&](const Sample& sample) { return sample.label("endpoint_id") == hung; }),
            "");
      },
      seconds{1});
  const Page page = exporter.page();
  for (const std::string source : {"workers", "queue"}) {
    const Labels labels{{"endpoint_id", hung}, {"source", source}};
    EXPECT_EQ(page.value("serverless_endpoint_fresh", labels), 0);
    EXPECT_GE(page.sum("serverless_poll_failures_total", labels).value_or(0), 2);
  }
  EXPECT_EQ(page.value("serverless_endpoint_fresh", {{"endpoint_id", hung}, {"source", "catalog"}}),
            1);
  exporter.stop();
}

}  // namespace
}  // namespace e2e
