#include "tests/bench/answers.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "collectors/registry.hpp"
#include "collectors/runpod.hpp"
#include "simulator/world.hpp"

namespace bench {

using namespace serverless;
using namespace serverless::daemon;

namespace {

constexpr std::chrono::sys_seconds kStart{std::chrono::seconds{1'785'931'200}};

std::string ask(std::size_t workers, int seconds, simulator::Request request) {
  simulator::WorldSettings settings;
  settings.shape = {.born = kStart - std::chrono::hours{1}, .endpoints = 8, .workers = workers};
  settings.start = kStart + std::chrono::seconds{seconds};
  settings.frozen = true;
  settings.limits.enforced = false;
  simulator::World world(std::move(settings));
  request.authorization = "Bearer demo-key";
  request.user_agent = "bench";
  auto reply = world.answer(request).reply;
  if (reply.status != 200) throw std::runtime_error(reply.body);
  return std::move(reply.body);
}

}  // namespace

std::string runpod_workers(std::size_t workers, int seconds) {
  const simulator::Fleet fleet({.endpoints = 8, .workers = workers});
  const auto id = fleet.endpoint(simulator::Api::runpod, 3).id;
  return ask(workers, seconds,
             simulator::request_to("GET", "/runpod-api/v2/serverless/" + id + "/workers"));
}

std::string vast_workers(std::size_t workers, int seconds) {
  auto request = simulator::request_to("POST", "/vast-run/get_endpoint_workers/");
  request.body = R"({"id":1203})";
  return ask(workers, seconds, std::move(request));
}

Now now_at(int seconds) {
  return {.mono = Mono{std::chrono::hours{100} + std::chrono::seconds{seconds}},
          .wall = kStart + std::chrono::seconds{seconds}};
}

Answer runpod_answer(const std::string& endpoint_id, std::size_t workers, int seconds) {
  auto report = runpod::parse_workers(runpod_workers(workers, seconds));
  if (!report) throw std::runtime_error(report.error().detail);
  return {
      .endpoint_id = endpoint_id, .source = Source::workers, .result = Report{std::move(*report)}};
}

Observation observation(Answer answer, int seconds) {
  Observation one{.target = {.operation = "list_workers",
                             .api = "control",
                             .endpoint_id = answer.endpoint_id,
                             .supplies = {answer.source}},
                  .sent = now_at(seconds),
                  .landed = now_at(seconds)};
  one.poll.answers.push_back(std::move(answer));
  return one;
}

std::string endpoint_id(std::size_t n) { return fmt::format("endpoint{:05}", n); }

Pace pace(const Target&, Source) {
  return {.interval = std::chrono::seconds{30}, .max_age = std::chrono::seconds{90}};
}

Context context() {
  return {.provider = find_provider("runpod"),
          .series = {.worker_status = config::WorkerStatusSeries::active}};
}

AccountState account_of(std::size_t endpoints) {
  auto account = initial_account("prod", *find_provider("runpod"), {}, true);
  Observation discovery{
      .target = {.operation = "list_endpoints", .api = "control", .supplies = {Source::catalog}},
      .sent = now_at(0),
      .landed = now_at(0)};
  std::vector<Target> targets{discovery.target};
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < endpoints; ++i) {
    const auto id = endpoint_id(i);
    ids.push_back(id);
    discovery.poll.answers.push_back(
        {.endpoint_id = id, .source = Source::catalog, .result = Report{EndpointInfo{.id = id}}});
    targets.push_back({.operation = "list_workers",
                       .api = "control",
                       .endpoint_id = id,
                       .supplies = {Source::workers}});
  }
  discovery.poll.listing = std::move(ids);
  apply(account, discovery, pace);
  adopt_targets(account, targets, pace);
  const auto answer = runpod_answer("", 100, 0);
  for (std::size_t i = 0; i < endpoints; ++i) {
    auto own = answer;
    own.endpoint_id = endpoint_id(i);
    apply(account, observation(std::move(own), 0), pace);
  }
  return account;
}

}  // namespace bench
