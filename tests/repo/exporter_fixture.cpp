#include "tests/repo/exporter_fixture.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "collectors/registry.hpp"
#include "config/load.hpp"
#include "daemon/assemble.hpp"
#include "daemon/assignment.hpp"
#include "daemon/plan.hpp"
#include "daemon/render.hpp"
#include "tests/fakes/fake_http.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using std::chrono::milliseconds;

// How long every request of a test takes.
constexpr milliseconds kTaken{120};

/// Notes each request, as the dispatcher's client does.
class Recorder final : public http::Client {
 public:
  Recorder(http::Client& client, Now landed) : client_(client), landed_(landed) {}

  Result<http::Response> send(const http::Request& request) override {
    auto response = client_.send(request);
    if (!response) throw std::runtime_error(response.error().detail);
    response->headers.emplace_back("date", date(landed_));
    Exchange exchange{.api = request.api,
                      .operation = request.operation,
                      .code = std::to_string(response->status),
                      .duration = kTaken};
    if (const auto stamp = response->date()) exchange.skew = *stamp - landed_.wall;
    exchanges.push_back(std::move(exchange));
    return response;
  }

  std::vector<Exchange> exchanges{};

 private:
  static std::string date(Now now) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                       fmt::gmtime(static_cast<std::time_t>(unix_seconds(now.wall))));
  }

  http::Client& client_;
  Now landed_;
};

config::Account account_of(std::string_view provider, std::string_view keys) {
  const auto text =
      fmt::format("[[accounts]]\nname = \"prod\"\nprovider = \"{}\"\napi_key_env = \"KEY\"\n{}",
                  provider, keys);
  const auto config = config::load(text, "test", provider_specs());
  if (!config) throw std::runtime_error(to_string(config.error().at(0)));
  return config->accounts.at(0);
}

}  // namespace

Now now_at(std::string_view wall) {
  return {.mono = Mono{std::chrono::hours{100}}, .wall = parse_time(wall).value()};
}

Now later(Now now, milliseconds by) { return {.mono = now.mono + by, .wall = now.wall + by}; }

std::string fixture(const std::string& name) { return read_file("tests/fixtures/" + name); }

Exporter::Exporter(std::string_view provider, std::string_view keys, config::Series series)
    : config_(account_of(provider, keys)),
      series_(series),
      provider_(find_provider(provider)),
      collector_(provider_->make(config_)),
      account_(daemon::initial_account(config_.name, *provider_, collector_->configured(),
                                       config_.endpoints.empty() && provider_->discovers)) {}

void Exporter::poll_all(const Answers& answers, Now now) { poll(answers, now, true); }

void Exporter::poll_workers(const Answers& answers, Now now) { poll(answers, now, false); }

void Exporter::poll(const Answers& answers, Now now, bool slow_too) {
  fakes::FakeHttp http;
  for (const auto& [route, answer] : answers) http.add(route, answer);
  std::vector<std::string> done;
  std::size_t sent = 0;
  for (bool news = true; std::exchange(news, false);) {
    const auto schedule = daemon::schedule(collector_->targets(daemon::endpoint_infos(account_)),
                                           daemon::tempo_of(config_, *provider_, 1));
    const auto pace_of = [&](const Target& target, Source) -> daemon::Pace {
      const auto interval = schedule.intervals.at(target.operation);
      return {.interval = interval, .max_age = daemon::max_age(interval, schedule.tempo)};
    };
    daemon::adopt_targets(account_, schedule.targets, pace_of);
    for (const auto& target : schedule.targets) {
      const auto key = daemon::key_of(target);
      const bool was = std::find(done.begin(), done.end(), key) != done.end();
      if (was || (target.slow && !slow_too)) continue;
      done.push_back(key);
      Observation observation{.target = target, .sent = now, .landed = later(now, kTaken)};
      Recorder recorder(http, observation.landed);
      observation.poll = daemon::assign(collector_->poll(target, recorder), {});
      observation.exchanges = std::move(recorder.exchanges);
      sent += observation.exchanges.size();
      daemon::apply(account_, observation, pace_of);
      news = true;
    }
  }
  if (sent != answers.size() && !leftovers) throw std::runtime_error("an answer was not asked for");
}

std::string Exporter::page(Now now) const {
  const auto page = std::make_shared<const daemon::AccountPage>(
      daemon::make_page(account_, {.provider = provider_, .series = series_}, now));
  return daemon::assemble({page}, {}, now).text();
}

}  // namespace serverless::repo
