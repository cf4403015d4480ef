// A quota that cannot carry the fleet, in real time and at its real size: what the provider sees of
// us. For QUOTA_MINUTES (./dev quota); without, as long as it takes to poll a smaller fleet twice.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using Requests = std::vector<Simulator::Request>;

// RunPod's published example, and the reserve by default.
constexpr const char* kPolicy = "minute:60:60,hour:3000:3600,day:50000:86400";
constexpr double kReserve = 0.2;
constexpr std::size_t kOurMinute = 48;
// What lasts: of the three windows the day is the tightest.
constexpr double kRate = (1 - kReserve) * 50000 / 86400;

struct Extent {
  seconds time{100};
  int endpoints = 20;
};

Extent extent() {
  const char* minutes = std::getenv("QUOTA_MINUTES");
  if (minutes == nullptr) return {};
  return {.time = std::chrono::minutes{std::max(1, std::atoi(minutes))}, .endpoints = 50};
}

bool is_refused(const Simulator::Request& request) { return request.code == 429; }

std::size_t refused(const Requests& requests) {
  return static_cast<std::size_t>(std::count_if(requests.begin(), requests.end(), is_refused));
}

// The most of them in any stretch of that many seconds.
std::size_t most_within(const Requests& requests, double time) {
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    while (requests[i].time - requests[first].time >= time) ++first;
    most = std::max(most, i - first + 1);
  }
  return most;
}

// How many the provider counted in each of its minutes, which begin with a request.
std::vector<std::size_t> by_minute(const Requests& requests) {
  std::vector<std::size_t> counts;
  double since = 0;
  for (const auto& request : requests) {
    if (counts.empty() || request.time - since >= 60) {
      since = request.time;
      counts.push_back(0);
    }
    if (!is_refused(request)) ++counts.back();
  }
  return counts;
}

// The oldest that the workers of each endpoint were, from their first answer on; sorted.
std::vector<double> oldest(const Requests& requests, double end) {
  std::map<std::string, double> last;
  std::map<std::string, double> longest;
  for (const auto& request : requests) {
    if (!request.path.ends_with("/workers") || is_refused(request)) continue;
    const auto [before, is_first] = last.try_emplace(request.endpoint, request.time);
    auto& age = longest[request.endpoint];
    age = std::max(age, request.time - before->second);
    before->second = request.time;
  }
  std::vector<double> ages;
  for (const auto& [endpoint, age] : longest) ages.push_back(std::max(age, end - last[endpoint]));
  std::sort(ages.begin(), ages.end());
  return ages;
}

// Those that went out although a refusal had asked to wait, less what was on its way.
std::size_t inside_a_wait(const Requests& requests) {
  constexpr double kOnItsWay = 0.3 * kSlowness;
  std::size_t inside = 0;
  double from = 0;
  double until = 0;
  for (const auto& request : requests) {
    if (request.time > from + kOnItsWay && request.time < until - 0.01) ++inside;
    if (!is_refused(request)) continue;
    from = request.time;
    until = std::max(until, request.time + std::stod(request.retry_after));
  }
  return inside;
}

class Quota : public E2e {
 protected:
  const Extent extent_ = extent();
  const Simulator simulator_{
      workspace_, simulated({"--endpoints", std::to_string(extent_.endpoints), "--workers", "3",
                             "--runpod-policy", kPolicy})};

  /// @param path  of the API that has the quota: how the provider can tell two of us apart.
  [[nodiscard]] std::vector<std::string> options(const std::string& name, std::string_view path) {
    constexpr std::string_view kPath = "/runpod-api";
    auto account = simulator_.account(name, "runpod", key_file_);
    account.replace(account.find(kPath), kPath.size(), path);
    return exporter_options("[poll]\ninterval = \"30s\"\n" + account, name);
  }

  /// What it asked of the API that has the quota.
  [[nodiscard]] Requests asked(std::string_view path) const {
    auto requests = simulator_.requests();
    std::erase_if(requests, [&](const auto& request) { return !request.path.starts_with(path); });
    return requests;
  }

  static void expect_fair(std::string_view who, const Requests& requests, const Page& page);
};

// Every workers' list that was ever read is still on the page.
void expect_fresh(const Page& page) {
  for (const auto* sample :
       page.find("serverless_poll_last_success_timestamp_seconds", {{"source", "workers"}})) {
    EXPECT_EQ(page.value("serverless_endpoint_fresh", sample->labels), 1) << sample->series();
  }
}

// Nobody waits much longer than the others, nor than what the page says.
void Quota::expect_fair(std::string_view who, const Requests& requests, const Page& page) {
  const auto ages = oldest(requests, unix_now());
  ASSERT_FALSE(ages.empty());
  const auto intervals = page.find("serverless_poll_interval_seconds", {{"source", "workers"}});
  ASSERT_FALSE(intervals.empty());
  const double interval = intervals.front()->value;
  const double max_age =
      page.find("serverless_poll_max_age_seconds", {{"source", "workers"}}).front()->value;
  const double median = ages[ages.size() / 2];
  fmt::print(
      "{}: {} endpoints every {:.1f} s; the oldest that workers were: median {:.1f} s, most {:.1f} "
      "s "
      "({:.2f} of the median, {:.2f} of the interval; they expire at {:.0f} s)\n",
      who, ages.size(), interval, median, ages.back(), ages.back() / median, ages.back() / interval,
      max_age);
  EXPECT_EQ(intervals.size(), ages.size()) << "some were never polled";
  EXPECT_GT(interval, 30) << "the quota was meant to be too small";
  // Who was polled once has been waiting for less than an interval: that is no median.
  EXPECT_LE(ages.back(), 1.5 * std::max(median, interval));
}

TEST_F(Quota, AFleetThatItCannotCarryGetsWhatTheReserveLeavesFairlyAndWithoutBursts) {
  Exporter exporter(workspace_, options("alone", "/runpod-api"));
  const double begun = unix_now();
  throughout(
      extent_.time, [&] { expect_fresh(exporter.page()); }, seconds{1});
  const auto requests = asked("/runpod-api");
  const double budget = kRate * (unix_now() - begun);
  const auto minutes = by_minute(requests);
  fmt::print(
      "alone: {} requests in {:.0f} s, {} refused; what lasts, the reserve aside, is {:.0f}; by "
      "the "
      "provider's minutes {} of {}; at most {} in a second, {} in ten\n",
      requests.size(), unix_now() - begun, refused(requests), budget, fmt::join(minutes, ", "),
      kOurMinute, most_within(requests, 1), most_within(requests, 10));
  EXPECT_EQ(refused(requests), 0U);
  EXPECT_GE(static_cast<double>(requests.size()), 0.9 * budget);
  for (const auto count : minutes) EXPECT_LE(count, kOurMinute);
  expect_fair("alone", requests, exporter.page());
  exporter.stop();
}

TEST_F(Quota, TwoExportersThatShareItAreHardlyEverRefusedAndWaitWhereTheyAre) {
  // The same path, written in another way.
  constexpr const char* kPaths[] = {"/runpod-api/v2/", "/runpod-api/%2F/v2/"};
  Exporter one(workspace_, options("one", "/runpod-api"), "one");
  Exporter other(workspace_, options("other", "/runpod-api/%2F"), "other");
  throughout(
      extent_.time,
      [&] {
        expect_fresh(one.page());
        expect_fresh(other.page());
      },
      seconds{1});
  const Page pages[] = {one.page(), other.page()};
  const auto all = asked("/runpod-api/");
  std::size_t seen = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto requests = asked(kPaths[i]);
    seen += requests.size();
    const auto inside = inside_a_wait(requests);
    const auto who = i == 0 ? "one" : "other";
    fmt::print("{}: {} requests, {} refused, {} inside a wait\n", who, requests.size(),
               refused(requests), inside);
    EXPECT_LE(static_cast<double>(refused(requests)), 0.01 * static_cast<double>(requests.size()));
    EXPECT_EQ(inside, 0U);
    expect_fair(who, requests, pages[i]);
  }
  EXPECT_EQ(seen, all.size());
  fmt::print("both: {} requests, by the provider's minutes {} of 60\n", all.size(),
             fmt::join(by_minute(all), ", "));
  one.stop();
  other.stop();
}

}  // namespace
}  // namespace e2e
