// Servers that mean harm: a counted reason, memory that is bounded by max_body, and nobody else's
// data touched. faults_test.cpp has what each of them does to the data of its own account.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Hostile = E2e;

constexpr double kMiB = 1024 * 1024;
constexpr double kMaxBody = 4 * kMiB;
constexpr double kInFlight = 2;

// What one body under way may take, in bodies. One that is read: it grows by doubling.
constexpr double kRead = 3;
// One that is parsed: itself, its copy, the index of it, and 100 bytes for one value in eight
// bytes, in a list that grows by doubling.
constexpr double kParsed = 30;
// What the allocator and libcurl keep.
constexpr double kSlack = 24 * kMiB;

struct Attack {
  std::string_view name{};
  std::string_view query{};
  std::string_view reason{};
  double bodies = kRead;
};

constexpr Attack kAttacks[] = {
    {"ten million workers", "kind=rows", "too_large"},
    {"a terabyte", "kind=huge&bytes=1e12", "too_large"},
    {"a terabyte in gzip", "kind=gzip_bomb&bytes=1e12", "too_large"},
    // Of "{}": who undoes it finds a schema that is wrong.
    {"gzip in gzip",
     "kind=raw&before=HTTP/1.1%20200%20OK%0d%0aContent-Encoding:%20gzip,%20gzip%0d%0a%0d%0a"
     "%1f%8b%08%00%00%00%00%00%02%ff%93%ef%e6%60%00%01%a6%ff%ab%d7%b1%32%38%ef%5f%b6%98%09%c8%03"
     "%00%0b%04%e2%9f%16%00%00%00",
     "parse"},
    {"headers for ever",
     "kind=raw&before=HTTP/1.1%20200%20OK%0d%0a&piece=X-Pad:%20x%0d%0a&times=1e12", "too_large"},
    {"a header for ever",
     "kind=raw&before=HTTP/1.1%20200%20OK%0d%0aX-Pad:&piece=xxxxxxxxxx&times=1e12", "too_large"},
    {"interim answers for ever", "kind=raw&piece=HTTP/1.1%20103%20Wait%0d%0a%0d%0a&times=1e12",
     "too_large"},
    {"trailers for ever",
     "kind=raw&before=HTTP/1.1%20200%20OK%0d%0aTransfer-Encoding:%20chunked%0d%0a%0d%0a0%0d%0a"
     "&piece=X-Pad:%20x%0d%0a&times=1e12",
     "too_large"},
    {"two million levels", "kind=deep&depth=2000000", "parse", kParsed},
    {"two million values",
     "kind=raw&before=HTTP/1.1%20200%20OK%0d%0a%0d%0a%7B%22workers%22:%5B%5D,%22x%22:%5B0"
     "&piece=,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0&times=100000&after=%5D%7D",
     "too_large", kParsed},
    {"thirty thousand endpoints",
     "kind=rows&path=/v2/serverless&rows=30000&row=%7B%22id%22:%22a%22%7D", "too_large", kParsed},
};

// A line of /proc/.../status, in bytes.
double memory(const Process& process, const std::string& name) {
  std::ifstream status(fmt::format("/proc/{}/status", process.id()));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) * 1024;
  }
  return 0;
}

// The peak begins anew from what is used now.
void forget_peak(const Process& process) {
  std::ofstream(fmt::format("/proc/{}/clear_refs", process.id())) << "5";
}

TEST_F(Hostile, EveryAttackHasAReasonAndBoundedMemoryAndMeetsNobodyElse) {
  const Simulator hostile(
      workspace_, simulated({"--endpoints", "4", "--workers", "3", "--no-rate-limits"}), "hostile");
  const Simulator good(
      workspace_, simulated({"--endpoints", "2", "--workers", "3", "--no-rate-limits"}), "good");
  Exporter exporter(workspace_,
                    exporter_options(fmt::format("[poll]\ninterval = \"4s\"\ntimeout = \"4s\"\n"
                                                 "discovery_interval = \"4s\"\nmax_body = {}\n"
                                                 "max_in_flight = {}\n",
                                                 kMaxBody, kInFlight) +
                                     hostile.account("hostile", "runpod", key_file_) +
                                     good.account("good", "runpod", key_file_,
                                                  "interval = \"8s\"\ntimeout = \"8s\"\n")));
  // Every last poll succeeded, of that many endpoints.
  const auto is_well = [](const Page& page, const std::string& account, std::size_t endpoints) {
    const auto polls = page.find("serverless_poll_success", {{"account", account}});
    return std::all_of(polls.begin(), polls.end(),
                       [](const auto* poll) { return poll->value == 1; }) &&
           page.find("serverless_endpoint_ready_workers", {{"account", account}}).size() ==
               endpoints;
  };
  const auto failures = [](const Page& page, const Labels& labels) {
    return page.sum("serverless_account_poll_failures_total", labels).value_or(0);
  };
  for (const auto& attack : kAttacks) {
    SCOPED_TRACE(attack.name);
    ASSERT_TRUE(exporter.shows(
        [&](const Page& page) { return is_well(page, "hostile", 4) && is_well(page, "good", 2); }));
    const Labels meant{{"account", "hostile"}, {"reason", std::string(attack.reason)}};
    const Page before = exporter.page();
    forget_peak(exporter.process());
    const double used = memory(exporter.process(), "VmHWM");
    // Of the two that match, the first decides: what is meant for the list meets the list alone.
    if (attack.query.find("path=") != attack.query.npos) {
      hostile.fault("kind=slow_first_byte&seconds=0&path=/workers");
    }
    hostile.fault(fmt::format("{}&api=runpod-api", attack.query));
    EXPECT_TRUE(exporter.shows([&](const Page& page) {
      EXPECT_TRUE(is_well(page, "good", 2));
      return failures(page, meant) >= failures(before, meant) + 2;
    }));
    const double peak = memory(exporter.process(), "VmHWM") - used;
    const double bound = kInFlight * attack.bodies * kMaxBody + kSlack;
    fmt::print("{}: {}, peak {:.0f} MiB more than before, of {:.0f} MiB\n", attack.name,
               attack.reason, peak / kMiB, bound / kMiB);
    // The sanitizers keep what was freed.
    EXPECT_TRUE(kSlowness > 1 || peak <= bound);
    const Page after = exporter.page();
    for (const auto* reason :
         after.find("serverless_account_poll_failures_total", {{"account", "hostile"}})) {
      // Where the machine is busy, so much may take longer than the timeout.
      if (reason->label("reason") == attack.reason || reason->label("reason") == "timeout")
        continue;
      EXPECT_EQ(reason->value, failures(before, reason->labels)) << reason->series();
    }
    hostile.clear_faults();
  }
  EXPECT_EQ(failures(exporter.page(), {{"account", "good"}}), 0);
  exporter.stop();
}

// Every number of every body: what cannot be is left out and counted, what is read is finite.
TEST_F(Hostile, NumbersOutOfRangeAreLeftOutAndTheWorkersStand) {
  constexpr const char* kNumbers[] = {"1e999", "-1", "1.7976931348623157e308", "-9e99", "1e-999"};
  const Simulator simulator(workspace_, simulated({"--endpoints", "2", "--workers", "5", "--frozen",
                                                   "--no-rate-limits"}));
  std::string config = "[poll]\ninterval = \"1s\"\n";
  for (const std::string provider : {"runpod", "runpod-v1", "vast"}) {
    config += simulator.account(provider, provider, key_file_);
  }
  Exporter exporter(workspace_, exporter_options(config));
  const auto steady = [](const Page& page) {
    return page.find("serverless_endpoint_ready_workers").size() == 6 &&
           page.has("serverless_group_workers");
  };
  ASSERT_TRUE(exporter.shows(steady));
  const auto workers = exporter.page().sum("serverless_endpoint_workers");
  for (const std::string number : kNumbers) {
    SCOPED_TRACE(number);
    const Page before = exporter.page();
    simulator.fault(fmt::format("kind=numbers&value={}", number));
    for (const std::string account : {"runpod", "runpod-v1", "vast"}) {
      const Labels bad{{"account", account}, {"reason", "bad_field"}};
      const Labels polls{{"account", account}, {"source", "workers"}};
      const auto grown = [&](const Page& page, const std::string& name, const Labels& labels) {
        return page.sum(name, labels).value_or(0) - before.sum(name, labels).value_or(0);
      };
      EXPECT_TRUE(exporter.shows([&](const Page& page) {
        return grown(page, "serverless_polls_total", polls) >= 4 &&
               grown(page, "serverless_endpoint_workers_skipped_total", bad) > 0;
      })) << account;
    }
    const Page page = exporter.page();
    EXPECT_EQ(page.sum("serverless_endpoint_workers"), workers);
    EXPECT_EQ(page.sum("serverless_endpoint_workers_skipped_total", {{"reason", "no_id"}}), 0);
    EXPECT_EQ(page.sum("serverless_account_poll_failures_total"), 0);
    simulator.clear_faults();
  }
  exporter.stop();
}

}  // namespace
}  // namespace e2e
