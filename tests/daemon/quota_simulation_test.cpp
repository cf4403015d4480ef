// A day of polling in virtual time against a model of the provider's windows that shares no code
// with the daemon.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "daemon/account.hpp"
#include "daemon/pace.hpp"
#include "daemon/plan.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Mono kStart{100h};
constexpr nanoseconds kLatency = 150ms;
constexpr double kReserve = 0.2;

// The provider: fixed windows, each counting what it lets through.
class Windows {
 public:
  struct Verdict {
    bool accepted = false;
    seconds retry_after{0};
    std::vector<http::RateWindow> told{};
  };

  Verdict ask(Mono now) {
    Verdict verdict{.accepted = true};
    for (auto& window : windows_) {
      const auto number = (now - kStart) / window.length;
      if (number != window.number) {
        window.number = number;
        window.used = 0;
      }
      if (window.used >= window.quota) verdict.accepted = false;
    }
    for (auto& window : windows_) {
      const auto left = window.length - (now - kStart) % window.length;
      const auto reset = std::chrono::ceil<seconds>(left);
      if (!verdict.accepted && window.used >= window.quota && verdict.retry_after == 0s) {
        verdict.retry_after = reset;  // Of one window only, as RunPod does.
      }
      if (verdict.accepted) ++window.used;
      verdict.told.push_back({.name = window.name,
                              .quota = window.quota,
                              .length = std::chrono::duration_cast<seconds>(window.length),
                              .remaining = window.quota - window.used,
                              .reset_in = reset});
    }
    return verdict;
  }

 private:
  struct Window {
    std::string name{};
    std::int64_t quota = 0;
    nanoseconds length{0};
    std::int64_t number = -1;
    std::int64_t used = 0;
  };
  std::vector<Window> windows_{{.name = "minute", .quota = 60, .length = 1min},
                               {.name = "hour", .quota = 3000, .length = 1h},
                               {.name = "day", .quota = 50000, .length = 24h}};
};

std::string endpoint_id(int index) { return "ep" + std::to_string(1000 + index); }

const Provider& provider() {
  static const Provider kProvider{.name = "model", .label = "model"};
  return kProvider;
}

// What is polled, as RunPod v2 has it: the list of endpoints, and each one's workers.
std::vector<Target> targets_of(const AccountState& account) {
  std::vector<Target> targets{{.operation = "list_endpoints",
                               .api = "control",
                               .supplies = {Source::catalog},
                               .slow = true}};
  for (const auto& [id, endpoint] : account.endpoints) {
    targets.push_back({.operation = "list_workers",
                       .api = "control",
                       .endpoint_id = id,
                       .supplies = {Source::workers}});
  }
  return targets;
}

struct Counts {
  std::int64_t requests = 0;
  std::int64_t refused = 0;
  std::int64_t refused_after_discovery = 0;
  std::int64_t inside_a_wait = 0;
};

// One exporter: the daemon's own decisions, joined as the dispatcher joins them.
class Exporter {
 public:
  Exporter(int endpoints, Windows& server) : endpoints_(endpoints), server_(server) {
    account_.name = "prod";
    account_.provider = &provider();
    account_.exhaustive = true;
    reschedule({});
  }

  // Does what is due at `now`. @return when to come again.
  Mono step(Mono now) {
    while (!landing_.empty() && landing_.top().at <= now) {
      const auto landed = landing_.top();
      landing_.pop();
      land(landed, now);
    }
    auto next = plan(std::move(pacing_), schedule_, now);
    pacing_ = std::move(next.next);
    for (const auto index : next.start) send(schedule_.targets[index], now);
    Mono wake = now + 1h;
    if (next.wake) wake = std::min(wake, *next.wake);
    if (!landing_.empty()) wake = std::min(wake, landing_.top().at);
    return wake;
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const AccountState& account() const { return account_; }
  [[nodiscard]] const Schedule& schedule_now() const { return schedule_; }
  /// By endpoint: the longest time between two good answers, once each had two.
  [[nodiscard]] const std::map<std::string, nanoseconds>& longest_gaps() const { return gaps_; }
  void forget_gaps() { gaps_.clear(); }

 private:
  struct Flight {
    Mono at{};
    Mono sent{};
    Target target{};
    Windows::Verdict verdict{};

    bool operator<(const Flight& other) const { return at > other.at; }
  };

  void send(const Target& target, Mono now) {
    ++counts_.requests;
    if (now < wait_until_) ++counts_.inside_a_wait;
    auto verdict = server_.ask(now);
    if (!verdict.accepted) {
      ++counts_.refused;
      if (account_.discovered) ++counts_.refused_after_discovery;
    }
    landing_.push({now + kLatency, now, target, std::move(verdict)});
  }

  void land(const Flight& flight, Mono now) {
    Observation observation{.target = flight.target,
                            .sent = {.mono = flight.sent},
                            .landed = {.mono = now},
                            .poll = answer(flight),
                            .exchanges = {{.api = "control",
                                           .operation = flight.target.operation,
                                           .code = flight.verdict.accepted ? "200" : "429",
                                           .windows = flight.verdict.told,
                                           .landed = now}}};
    pacing_ = finished(std::move(pacing_), schedule_, flight.target, now, failed(observation.poll));
    note_gap(flight);
    apply(account_, observation, [this](const Target& target, Source) { return pace(target); });
    if (const auto wait =
            wait_after(observation, account_.apis["control"], pace(flight.target).interval)) {
      wait_until_ = std::max(wait_until_, now + *wait);
      pacing_ = pause(std::move(pacing_), schedule_, "control", now + *wait, now);
    }
    auto revision = revise(schedule_.tempo.allowances, account_.apis, schedule_, kReserve, now);
    for (const auto& [api, until] : revision.closed) {
      pacing_ = pause(std::move(pacing_), schedule_, api, until, now);
    }
    if (revision.changed || schedule_.targets.size() != account_.endpoints.size() + 1) {
      const auto before = schedule_;
      reschedule(std::move(revision.allowances));
      pacing_ = rescale(std::move(pacing_), before, schedule_, now);
    }
  }

  [[nodiscard]] Poll answer(const Flight& flight) const {
    const auto& target = flight.target;
    if (!flight.verdict.accepted) {
      Error error{.reason = Reason::rate_limited, .retry_after = flight.verdict.retry_after};
      return {.answers = {{target.endpoint_id, target.supplies.front(),
                           tl::make_unexpected(std::move(error))}}};
    }
    if (target.operation == "list_workers") {
      return {.answers = {{target.endpoint_id, Source::workers, WorkersReport{}}}};
    }
    Poll poll{.listing = std::vector<std::string>{}};
    for (int i = 0; i < endpoints_; ++i) {
      const auto id = endpoint_id(i);
      poll.listing->push_back(id);
      poll.answers.push_back({id, Source::catalog, EndpointInfo{.id = id}});
    }
    return poll;
  }

  void note_gap(const Flight& flight) {
    if (!flight.verdict.accepted || flight.target.endpoint_id.empty()) return;
    auto& last = last_[flight.target.endpoint_id];
    if (last != Mono{}) {
      auto& gap = gaps_[flight.target.endpoint_id];
      gap = std::max(gap, flight.sent - last);
    }
    last = flight.sent;
  }

  void reschedule(std::map<std::string, Allowance> allowances) {
    schedule_ = schedule(targets_of(account_), {.interval = 30s,
                                                .discovery_interval = 5min,
                                                .max_in_flight = 8,
                                                .allowances = std::move(allowances)});
  }

  [[nodiscard]] Pace pace(const Target& target) const {
    const auto interval = schedule_.intervals.at(target.operation);
    return {.interval = interval, .max_age = max_age(interval, schedule_.tempo)};
  }

  int endpoints_;
  Windows& server_;
  AccountState account_{};
  Schedule schedule_{};
  Pacing pacing_{};
  std::priority_queue<Flight> landing_{};
  Mono wait_until_{};
  Counts counts_{};
  std::map<std::string, Mono> last_{};
  std::map<std::string, nanoseconds> gaps_{};
};

void run(std::vector<Exporter*> exporters, Mono from, Mono until) {
  std::vector<Mono> wakes(exporters.size(), from);
  while (true) {
    const auto first = std::min_element(wakes.begin(), wakes.end());
    if (*first >= until) return;
    auto& exporter = *exporters[static_cast<std::size_t>(first - wakes.begin())];
    // Nothing comes twice at one moment for ever: time moves by a microsecond at least.
    *first = std::max(exporter.step(*first), *first + 1us);
  }
}

double in_seconds(nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

// Who waits longest waits at most half as long again as who waits for a middling time.
void expect_fair(const Exporter& exporter, int endpoints) {
  std::vector<double> gaps;
  for (const auto& [id, gap] : exporter.longest_gaps()) gaps.push_back(in_seconds(gap));
  ASSERT_EQ(std::ssize(gaps), endpoints);
  std::sort(gaps.begin(), gaps.end());
  EXPECT_LE(gaps.back(), 1.5 * gaps[gaps.size() / 2]);
}

void expect_never_expired(const Exporter& exporter) {
  const auto& schedule = exporter.schedule_now();
  const auto allowed = max_age(schedule.intervals.at("list_workers"), schedule.tempo);
  for (const auto& [id, gap] : exporter.longest_gaps()) {
    EXPECT_LE(gap + kLatency, allowed) << id;
  }
}

TEST(QuotaSimulation, ADayOfFiveEndpointsNeedsNoStretching) {
  Windows server;
  Exporter exporter(5, server);
  run({&exporter}, kStart, kStart + 24h);
  EXPECT_EQ(exporter.counts().refused, 0);
  EXPECT_EQ(exporter.schedule_now().intervals.at("list_workers"), 30s);
  EXPECT_NEAR(static_cast<double>(exporter.counts().requests), 24 * 3600 / 30 * 5 + 288, 20);
  expect_fair(exporter, 5);
  expect_never_expired(exporter);
}

TEST(QuotaSimulation, ADayOfFiftyEndpointsIsStretchedAndNeverRefused) {
  Windows server;
  Exporter exporter(50, server);
  run({&exporter}, kStart, kStart + 30min);
  exporter.forget_gaps();
  run({&exporter}, kStart + 30min, kStart + 24h);
  EXPECT_EQ(exporter.counts().refused, 0);
  EXPECT_GT(exporter.schedule_now().intervals.at("list_workers"), 30s);
  expect_fair(exporter, 50);
  expect_never_expired(exporter);
}

TEST(QuotaSimulation, ADayOfFiveHundredEndpointsUsesWhatTheReserveLeaves) {
  Windows server;
  Exporter exporter(500, server);
  run({&exporter}, kStart, kStart + 1h);
  exporter.forget_gaps();
  run({&exporter}, kStart + 1h, kStart + 24h);
  EXPECT_EQ(exporter.counts().refused_after_discovery, 0);
  EXPECT_GE(static_cast<double>(exporter.counts().requests), 0.9 * (1 - kReserve) * 50000);
  EXPECT_LE(static_cast<double>(exporter.counts().requests), (1 - kReserve) * 50000 + 1);
  expect_fair(exporter, 500);
  expect_never_expired(exporter);
  RecordProperty("requests", static_cast<int>(exporter.counts().requests));
}

TEST(QuotaSimulation, TwoExportersThatShareAKeyAreHardlyEverRefused) {
  Windows server;
  Exporter one(100, server);
  Exporter other(100, server);
  run({&one, &other}, kStart, kStart + 24h);
  for (const auto* exporter : {&one, &other}) {
    const auto& counts = exporter->counts();
    EXPECT_LE(static_cast<double>(counts.refused), 0.01 * static_cast<double>(counts.requests));
    EXPECT_EQ(counts.inside_a_wait, 0);
    // Neither is starved by the other, all day.
    EXPECT_GE(static_cast<double>(counts.requests), 0.4 * (1 - kReserve) * 50000);
    EXPECT_LE(static_cast<double>(counts.requests), 0.6 * (1 - kReserve) * 50000);
    expect_fair(*exporter, 100);
    expect_never_expired(*exporter);
  }
}

// Nobody told them how many they are: it shows in what the quota loses beside their own requests.
TEST(QuotaSimulation, EightShardsThatStartTogetherAreNeverRefusedAndHaveAnEighthEach) {
  Windows server;
  std::vector<std::unique_ptr<Exporter>> shards;
  std::vector<Exporter*> all;
  for (int i = 0; i < 8; ++i) {
    shards.push_back(std::make_unique<Exporter>(30, server));
    all.push_back(shards.back().get());
  }
  run(all, kStart, kStart + 24h);
  for (const auto* exporter : all) {
    const auto& counts = exporter->counts();
    EXPECT_EQ(counts.refused, 0);
    EXPECT_EQ(counts.inside_a_wait, 0);
    EXPECT_GE(static_cast<double>(counts.requests), 0.9 / 8 * (1 - kReserve) * 50000);
    EXPECT_LE(static_cast<double>(counts.requests), 1.1 / 8 * (1 - kReserve) * 50000);
    expect_fair(*exporter, 30);
    expect_never_expired(*exporter);
  }
}

}  // namespace
}  // namespace serverless::daemon
