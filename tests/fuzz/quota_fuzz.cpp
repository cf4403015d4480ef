#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collectors/http.hpp"
#include "collectors/rate_limit.hpp"
#include "daemon/account.hpp"
#include "daemon/pace.hpp"
#include "daemon/plan.hpp"
#include "daemon/quota.hpp"
#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kWeek = 24h * 7;
constexpr std::size_t kMostAnswers = 32;
constexpr std::int64_t kMostTargets = 2000;
// A daemon may well run for so long without a restart.
constexpr std::int64_t kLongestStep = 400 * 86400;

std::int64_t number_of(std::string_view text, std::int64_t most) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp<std::int64_t>(value, 0, most);
}

std::vector<Target> targets(std::int64_t count) {
  std::vector<Target> targets{{.operation = "list_endpoints", .api = "control", .slow = true}};
  for (std::int64_t i = 1; i < count; ++i) {
    targets.push_back(
        {.operation = "list_workers", .api = "control", .endpoint_id = std::to_string(i)});
  }
  return targets;
}

void check_windows(const std::vector<http::RateWindow>& windows) {
  for (const auto& window : windows) {
    expect(is_one_line(window.name), "a window's name is one line", window.name);
    expect(window.quota.value_or(0) >= 0 && window.remaining.value_or(0) >= 0,
           "a quota is not negative", window.name);
    expect(window.length.value_or(0s) >= 0s && window.length.value_or(0s) <= 24h * 366,
           "a window is a year at most", window.name);
    expect(window.reset_in.value_or(0s) >= 0s && window.reset_in.value_or(0s) <= kWeek,
           "a reset is near", window.name);
    const auto same = [&](const http::RateWindow& other) { return other.name == window.name; };
    expect(std::count_if(windows.begin(), windows.end(), same) == 1, "no window twice",
           window.name);
  }
  const auto wait = daemon::exhausted_wait(windows);
  expect(!wait || (*wait > 0ns && *wait <= kWeek), "a wait is bounded");
}

/// An account that is told of its quota and keeps to it, as the dispatcher does.
class Pacer {
 public:
  explicit Pacer(double reserve) : reserve_(reserve) { reschedule(targets(1)); }

  void advance(seconds step) {
    now_ += step;
    keep_to_plan();
  }

  void set_targets(std::int64_t count) { reschedule(targets(count)); }

  void take(std::string_view policy, std::string_view limit) {
    const auto windows = http::parse_rate_limit(policy, limit);
    check_windows(windows);
    auto& api = apis_["control"];
    api.quota = daemon::learn(std::move(api.quota), windows, now_);
    check_quota(api.quota);
    auto revision = daemon::revise(schedule_.tempo.allowances, apis_, schedule_, reserve_, now_);
    for (const auto& [name, until] : revision.closed) {
      expect(until > now_ && until <= now_ + kWeek, "a closed API opens again", name);
      pacing_ = daemon::pause(std::move(pacing_), schedule_, name, until, now_);
    }
    if (revision.changed) {
      schedule_.tempo.allowances = std::move(revision.allowances);
      reschedule(schedule_.targets);
    }
    keep_to_plan();
  }

 private:
  void check_quota(const daemon::Quota& quota) const {
    const auto rate =
        daemon::lasting_rate(quota, static_cast<double>(schedule_.targets.size()), reserve_, now_);
    expect(!rate || (std::isfinite(*rate) && *rate >= 0), "a rate is finite");
    const auto room = daemon::room(quota, reserve_);
    expect(!room || (std::isfinite(*room) && *room >= 0), "the room is finite");
  }

  void reschedule(std::vector<Target> targets) {
    daemon::Tempo tempo{.interval = 30s, .discovery_interval = 5min, .max_in_flight = 8};
    tempo.allowances = schedule_.tempo.allowances;
    const auto before = std::exchange(schedule_, daemon::schedule(std::move(targets), tempo));
    pacing_ = daemon::rescale(std::move(pacing_), before, schedule_, now_);
    for (const auto& [operation, interval] : schedule_.intervals) {
      expect(interval >= 30s && interval <= kWeek, "an interval is bounded", operation);
      expect(daemon::max_age(interval, schedule_.tempo) >= 2 * interval, "data outlive a poll");
    }
    for (const auto& slot : schedule_.slots) {
      expect(slot.phase >= 0ns && slot.phase <= slot.interval, "a slot is in its interval");
    }
  }

  // A few steps of what is due, each poll a second long.
  void keep_to_plan() {
    for (int step = 0; step < 4; ++step) {
      auto plan = daemon::plan(std::move(pacing_), schedule_, now_);
      pacing_ = std::move(plan.next);
      expect(!plan.wake || *plan.wake > now_, "what is due is started");
      // A pause of a week, and the slot after that.
      expect(!plan.start.empty() || !plan.wake || *plan.wake <= now_ + 3 * kWeek,
             "something is due within bounds");
      now_ += 1s;
      for (const auto index : plan.start) {
        pacing_ = daemon::finished(std::move(pacing_), schedule_, schedule_.targets.at(index), now_,
                                   step % 2 == 1);
      }
      for (const auto& [key, pace] : pacing_.targets) {
        expect(pace.due <= now_ + 3 * kWeek, "a poll is due within bounds", key);
      }
      if (plan.start.empty() && plan.wake) now_ = std::max(now_, *plan.wake);
    }
  }

  double reserve_;
  Mono now_{100h};
  daemon::Schedule schedule_{};
  daemon::Pacing pacing_{};
  std::map<std::string, daemon::ApiState> apis_{};
};

}  // namespace
}  // namespace serverless::fuzz

// The headers of one answer after the other: a line of RateLimit-Policy, a line of RateLimit.
// Between answers a line "@SECONDS" lets time pass and "*COUNT" sets how many targets there are; a
// first line "%20" sets the reserve.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless::fuzz;
  auto rest = text_of(data, size);
  double reserve = 0.2;
  if (rest.starts_with('%'))
    reserve = static_cast<double>(number_of(cut(rest, '\n').substr(1), 90)) / 100;
  Pacer pacer(reserve);
  for (std::size_t answers = 0; !rest.empty() && answers < kMostAnswers; ++answers) {
    const auto line = cut(rest, '\n');
    if (line.starts_with('@')) {
      pacer.advance(seconds{number_of(line.substr(1), kLongestStep)});
    } else if (line.starts_with('*')) {
      pacer.set_targets(number_of(line.substr(1), kMostTargets));
    } else {
      pacer.take(line, cut(rest, '\n'));
    }
  }
  return 0;
}
