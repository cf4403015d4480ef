#include "tests/chaos/plan.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

namespace chaos {
namespace {

using namespace std::string_view_literals;

constexpr std::array kRunpodHosts{"runpod-api"sv, "runpod-queue"sv};
constexpr std::array kRunpodV1Hosts{"runpod-rest"sv, "runpod-queue"sv};
constexpr std::array kVastHosts{"vast-run"sv, "vast-console"sv};
constexpr std::array kDenHosts{"den"sv};

// Den is asked once in 65 s and Vast.ai's endpoints once in 27 s: most is met at RunPod.
constexpr std::array kAccounts{Account{"eu", "runpod", "runpod", kRunpodHosts, 10},
                               Account{"us", "runpod", "runpod", kRunpodHosts, 10},
                               Account{"old", "runpod-v1", "runpod-v1", kRunpodV1Hosts, 10},
                               Account{"vast", "vast", "vast", kVastHosts, 4},
                               Account{"den", "den", "den", kDenHosts, 1}};
constexpr std::size_t kRunpodAccounts = 3;

constexpr std::array kFaults{
    Fault{"status_500", "kind=status"},
    Fault{"status_503", "kind=status&code=503&body=%7B%22error%22:1%7D"},
    Fault{"status_503_retry_after", "kind=status&code=503&retry_after=2", "", 2},
    Fault{"status_403", "kind=status&code=403"}, Fault{"status_404", "kind=status&code=404"},
    Fault{"status_418", "kind=status&code=418"},
    Fault{"status_429", "kind=status&code=429&retry_after=2", "", 2},
    Fault{"rate_limited", "kind=rate_limited&retry_after=2", "", 2},
    Fault{"rate_limited_unadvised", "kind=rate_limited", "", 2}, Fault{"auth", "kind=auth"},
    Fault{"slow_first_byte", "kind=slow_first_byte&seconds=20"},
    Fault{"drip", "kind=drip&bytes_per_second=10"}, Fault{"hang", "kind=hang"},
    Fault{"reset", "kind=reset"}, Fault{"truncated", "kind=truncated"},
    Fault{"short_body", "kind=short_body"}, Fault{"wrong_shape", "kind=wrong_shape"},
    Fault{"wrapped", "kind=wrapped"}, Fault{"html", "kind=html"}, Fault{"empty", "kind=empty"},
    Fault{"huge", "kind=huge&bytes=8000000"},
    Fault{"wrong_content_type", "kind=wrong_content_type"},
    Fault{"views_disagree", "kind=views_disagree", "runpod-queue"},
    Fault{"malformed_worker", "kind=malformed_worker"}, Fault{"error_200", "kind=error_200"},
    Fault{"error_200_text", "kind=error_200&form=string"}, Fault{"deep", "kind=deep"},
    Fault{"invalid_utf8", "kind=invalid_utf8"}, Fault{"nan", "kind=nan"},
    Fault{"duplicate_keys", "kind=duplicate_keys"},
    // Port 9 of the loopback: whoever followed would fail.
    Fault{"redirect", "kind=redirect&to=http%3A%2F%2F127.0.0.1%3A9%2F"}, Fault{"gone", "kind=gone"},
    Fault{"empty_list_once", "kind=empty_list", "", 1}, Fault{"empty_lists", "kind=empty_list"},
    // Twice in a row it would be a counter that was reset.
    Fault{"lagging", "kind=lagging&seconds=90", "runpod-queue", 1}};

class Planner {
 public:
  explicit Planner(const Size& size) : size_(size), random_(size.seed) {}

  std::vector<Step> run() {
    plan_faults();
    plan_outages();
    plan_kills();
    plan_reloads();
    plan_keys();
    plan_skews();
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step& one, const Step& other) { return one.at < other.at; });
    return std::move(steps_);
  }

 private:
  // Only the engine's numbers are the same everywhere; the library's distributions are not.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() % 1'000'000) / 1e6;
  }
  bool chance(double share) { return between(0, 1) < share; }

  std::size_t any_account() {
    int all = 0;
    for (const auto& account : kAccounts) all += account.weight;
    auto left = static_cast<int>(below(static_cast<std::size_t>(all)));
    for (std::size_t i = 0; i < kAccounts.size(); ++i) {
      left -= kAccounts[i].weight;
      if (left < 0) return i;
    }
    return 0;
  }

  Step& add(double at, Step::Kind kind, std::size_t account, int number) {
    return steps_.emplace_back(Step{.at = at, .kind = kind, .account = account, .number = number});
  }

  // Every kind in turn, in an order that changes from turn to turn; the first turn where polls are
  // many, so that each kind is met.
  void plan_faults() {
    std::vector<const Fault*> deck;
    bool first = true;
    for (double at = 3 * size_.slow; at < size_.seconds - 6 * size_.slow;) {
      if (deck.empty()) {
        for (const auto& fault : kFaults) deck.push_back(&fault);
        for (std::size_t i = deck.size(); i > 1; --i) std::swap(deck[i - 1], deck[below(i)]);
      }
      plan_fault(*deck.back(), at, first);
      deck.pop_back();
      first = first && !deck.empty();
      at += between(0.3, 1.2) * size_.slow;
    }
  }

  void plan_fault(const Fault& fault, double at, bool at_runpod) {
    const auto on_queue = !fault.host.empty();
    const std::size_t account = at_runpod || on_queue ? below(kRunpodAccounts) : any_account();
    const auto& hosts = kAccounts[account].hosts;
    const auto host = on_queue ? fault.host : hosts[chance(0.6) ? 0 : hosts.size() - 1];
    const int number = ++last_number_;
    Step& step = add(at, Step::Kind::fault, account, number);
    step.fault = fault.name;
    step.host = host;
    const bool whole_api = fault.most == 0 && chance(0.1);
    if (host != "den" && host != "vast-console" && !whole_api) {
      step.endpoint = below(size_.endpoints);
    }
    int most = fault.most;
    if (most == 0 && chance(0.4)) most = static_cast<int>(1 + below(3));
    if (whole_api) most = static_cast<int>(5 + below(30));
    step.count = most;
    const double lasts = most > 0 ? 15 : between(3, 14);
    add(at + lasts * size_.slow, Step::Kind::unfault, account, number);
  }

  // A whole API of one account does not answer, for longer than data may be old: what it hangs is
  // that API's only.
  void plan_outages() {
    for (double at = 12 * size_.slow; at < size_.seconds - 12 * size_.slow;
         at += between(25, 45) * size_.slow) {
      const auto account = below(kRunpodAccounts);
      const auto& hosts = kAccounts[account].hosts;
      const int number = ++last_number_;
      Step& step = add(at, Step::Kind::fault, account, number);
      step.fault = "hang";
      step.host = hosts[below(hosts.size())];
      add(at + between(7, 10) * size_.slow, Step::Kind::unfault, account, number);
    }
  }

  void plan_kills() {
    for (double at = between(15, 25) * size_.slow; at < size_.seconds - 16 * size_.slow;
         at += between(18, 30) * size_.slow) {
      const auto account = any_account();
      const int number = ++last_number_;
      add(at, Step::Kind::kill, account, number);
      add(at + (chance(0.5) ? between(0.3, 2) : between(6, 10)) * size_.slow, Step::Kind::restart,
          account, number);
    }
  }

  // One after another: what a file says is never in doubt.
  void plan_reloads() {
    using Kind = Step::Kind;
    for (double at = between(6, 9) * size_.slow; at < size_.seconds - 10 * size_.slow;) {
      const auto account = any_account();
      const int number = ++last_number_;
      const double later = at + between(3, 6) * size_.slow;
      const auto reload = [&](double when, Kind kind) {
        add(when, kind, account, number).by_post = chance(0.5);
      };
      switch (reloads_++ % 4) {
        case 0:
          reload(at, Kind::slower);
          reload(later, Kind::faster);
          break;
        case 1:
          reload(at, Kind::bad_file);
          reload(later, Kind::good_file);
          break;
        case 2:
          reload(at, Kind::take_out);
          reload(later, Kind::put_back);
          break;
        default:
          reload(at, Kind::reload);
          reload(later, Kind::reload);
      }
      at = later + between(2, 6) * size_.slow;
    }
  }

  // In good order, or with the old key refused before the exporter has the new one.
  void plan_keys() {
    for (double at = between(8, 12) * size_.slow; at < size_.seconds - 12 * size_.slow;
         at += between(12, 20) * size_.slow) {
      const auto account = any_account();
      const int number = ++last_number_;
      const bool orderly = chance(0.5);
      const double later = between(2, 6) * size_.slow;
      add(at, Step::Kind::offer_key, account, number);
      add(at + (orderly ? 0.1 : later), Step::Kind::hand_key, account, number);
      add(at + (orderly ? later : 0.1), Step::Kind::refuse_key, account, number);
    }
  }

  void plan_skews() {
    for (double at = between(2, 8) * size_.slow; at < size_.seconds;
         at += between(6, 12) * size_.slow) {
      add(at, Step::Kind::skew, any_account(), ++last_number_).seconds = between(-12, 12) * 3600;
    }
  }

  Size size_{};
  std::mt19937_64 random_;
  std::vector<Step> steps_{};
  int last_number_ = 0;
  int reloads_ = 0;
};

}  // namespace

std::span<const Account> accounts() { return kAccounts; }
std::span<const Fault> faults() { return kFaults; }

std::vector<Step> make_plan(const Size& size) { return Planner(size).run(); }

Step elsewhere(Step fault, const Size& size) {
  fault.account = fault.account + 1 < kRunpodAccounts ? fault.account + 1 : 0;
  const auto hosts = kAccounts[fault.account].hosts;
  if (std::find(hosts.begin(), hosts.end(), fault.host) == hosts.end()) fault.host = hosts.front();
  fault.endpoint = static_cast<std::size_t>(std::abs(fault.number)) * 7 % size.endpoints;
  return fault;
}

}  // namespace chaos
