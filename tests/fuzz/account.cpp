#include "tests/fuzz/account.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "collectors/registry.hpp"
#include "config/load.hpp"
#include "daemon/account.hpp"
#include "daemon/assemble.hpp"
#include "daemon/pace.hpp"
#include "daemon/reconcile.hpp"
#include "daemon/render.hpp"
#include "daemon/status_page.hpp"
#include "tests/fuzz/answers.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/fuzz/page.hpp"

namespace serverless::fuzz {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// What must be seen three times to be believed needs as many rounds.
constexpr int kRounds = 3;
// An input may list hundreds of endpoints; what holds for a few holds for all.
constexpr std::size_t kMostTargets = 8;
// Of what goes to the log and the status page.
constexpr std::size_t kLongestWords = 512;
constexpr milliseconds kLongestWait = 24h * 7;
constexpr daemon::Pace kPace{.interval = 30s, .max_age = 90s};

config::Account account_of(std::string_view toml) {
  const auto config = config::load(toml, "fuzz.toml", provider_specs());
  expect(config.has_value(), "the target's own account is accepted",
         config ? "" : config::to_string(config.error().front()));
  return config->accounts.front();
}

std::vector<std::string> urls_of(const config::Account& account) {
  std::vector<std::string> urls;
  for (const auto& [key, value] : account.settings) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->starts_with("https://")) urls.push_back(*text);
  }
  return urls;
}

void check_words(std::string_view words) {
  expect(!words.empty() && words.size() <= kLongestWords, "words for the log are short", words);
  expect(is_one_line(words), "words for the log are one line of UTF-8", words);
}

void check_skipped(const Skipped& skipped) {
  for (std::size_t i = 0; i < kSkipCount; ++i) {
    expect((skipped.counts[i] > 0) == !skipped.first[i].empty(), "what is left out is said");
    if (skipped.counts[i] > 0) check_words(skipped.first[i]);
  }
}

void check_answer(const Answer& answer) {
  if (!answer.result) {
    const auto& error = answer.result.error();
    check_words(error.detail);
    expect(!error.retry_after || (*error.retry_after >= 0ms && *error.retry_after <= kLongestWait),
           "a provider's wish to wait is bounded", error.detail);
    return;
  }
  std::visit(
      [](const auto& report) {
        if constexpr (requires { report.skipped; }) {
          check_skipped(report.skipped);
        } else if constexpr (requires { report->skipped; }) {
          check_skipped(report->skipped);
        }
      },
      *answer.result);
}

class Polling {
 public:
  Polling(const config::Account& account, std::string_view input)
      : provider_(*find_provider(account.provider)),
        collector_(provider_.make(account)),
        account_(daemon::initial_account(account.name, provider_, collector_->configured(),
                                         provider_.discovers && account.endpoints.empty())),
        client_(answers_of(input), urls_of(account)) {}

  void run() {
    for (int round = 0; round < kRounds; ++round) {
      poll_all();
      now_.mono += 30s;
      now_.wall += 30s;
    }
    check_pages();
    // Late enough for the job queue's view to have expired, and then the workers' as well.
    now_.mono += 80s;
    settle_all();
    check_pages();
  }

 private:
  void poll_all() {
    auto targets = adopt();
    for (std::size_t next = 0; next < std::min(targets.size(), kMostTargets); ++next) {
      const auto target = targets[next];
      poll(target);
      // Discovery adds targets, and they are polled in the same round.
      const auto& supplies = target.supplies;
      const bool discovers =
          std::find(supplies.begin(), supplies.end(), Source::catalog) != supplies.end();
      if (discovers) targets = adopt();
    }
  }

  std::vector<Target> adopt() {
    auto targets = collector_->targets(daemon::endpoint_infos(account_));
    daemon::adopt_targets(account_, targets, pace_of);
    return targets;
  }

  void poll(const Target& target) {
    Observation observation{.target = target, .sent = now_};
    now_.mono += 100ms;
    now_.wall += 100ms;
    observation.landed = now_;
    observation.poll = collector_->poll(target, client_);
    for (const auto& answer : observation.poll.answers) check_answer(answer);
    for (const auto& [request, response] : client_.take_sent()) {
      observation.exchanges.push_back(exchange_of(request, response));
    }
    daemon::apply(account_, observation, pace_of);
    const auto wait = daemon::wait_after(observation, account_.apis[target.api], kPace.interval);
    expect(!wait || (*wait > 0ns && *wait <= kLongestWait), "an API is left alone for a time");
  }

  [[nodiscard]] Exchange exchange_of(const http::Request& request,
                                     const http::Response& response) const {
    Exchange exchange{.api = request.api,
                      .operation = request.operation,
                      .code = response.status > 0 ? std::to_string(response.status)
                                                  : std::string(name(Reason::timeout)),
                      .duration = 100ms,
                      .body_bytes = response.body.size(),
                      .windows = http::parse_rate_limit(response.header("ratelimit-policy"),
                                                        response.header("ratelimit")),
                      .landed = now_.mono};
    if (const auto date = response.date()) exchange.skew = *date - now_.wall;
    return exchange;
  }

  void settle_all() {
    for (auto& [id, endpoint] : account_.endpoints) {
      endpoint = std::make_shared<const daemon::EndpointState>(daemon::settle(*endpoint, now_));
    }
  }

  void check_pages() const {
    const daemon::Context context{.provider = &provider_, .series = {.image_label = true}};
    auto page = std::make_shared<daemon::AccountPage>(daemon::make_page(account_, context, now_));
    const daemon::Pages pages{std::move(page)};
    check_html(daemon::status_page(pages, {.version = "0"}, now_));
    const auto whole = daemon::assemble(pages, {}, now_);
    const auto text = whole.text();
    expect(text.size() == whole.checksum.length, "a page is as long as it says");
    expect(check_page(text) == whole.series, "a page has as many series as it says");
  }

  static daemon::Pace pace_of(const Target&, Source) { return kPace; }

  const Provider& provider_;
  std::unique_ptr<Collector> collector_;
  daemon::AccountState account_;
  Answers client_;
  Now now_{.mono = Mono{100h}, .wall = kSent};
};

}  // namespace

void poll_account(std::string_view account, std::string_view input) {
  static std::map<std::string, config::Account, std::less<>> known;
  auto found = known.find(account);
  if (found == known.end()) found = known.emplace(account, account_of(account)).first;
  Polling(found->second, input).run();
}

}  // namespace serverless::fuzz
