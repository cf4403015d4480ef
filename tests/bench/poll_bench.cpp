// What is made of one answer: the next state of its endpoint, its lines, and these compressed.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "daemon/deflate.hpp"
#include "daemon/reconcile.hpp"
#include "daemon/render.hpp"
#include "tests/bench/answers.hpp"

namespace bench {
namespace {

using namespace serverless;
using namespace serverless::daemon;

Landing landing(int seconds) {
  return {.sent = now_at(seconds),
          .landed = now_at(seconds),
          .interval = std::chrono::seconds{30},
          .max_age = std::chrono::seconds{90}};
}

EndpointState polled() {
  const auto account = account_of(1);
  return *account.endpoints.begin()->second;
}

// Every poll finds a fleet 30 s older.
void Reconcile100Workers(benchmark::State& state) {
  const auto id = endpoint_id(0);
  const std::array answers{runpod_answer(id, 100, 30), runpod_answer(id, 100, 60)};
  auto endpoint = polled();
  int turn = 0;
  for (auto _ : state) {
    ++turn;
    endpoint = reconcile(std::move(endpoint), answers[static_cast<std::size_t>(turn % 2)],
                         landing(30 * turn));
    benchmark::DoNotOptimize(endpoint);
  }
}
BENCHMARK(Reconcile100Workers)->Unit(benchmark::kMicrosecond);

void Render100Workers(benchmark::State& state) {
  const std::vector endpoints{std::make_shared<const EndpointState>(polled())};
  std::size_t series = 0;
  for (auto _ : state) {
    series = 0;
    for (const auto& lines : render(endpoints, Part::workers, "prod", context(), Now{})) {
      series += lines.series;
    }
  }
  if (series < 100) state.SkipWithError("no lines");
  state.counters["series"] = static_cast<double>(series);
}
BENCHMARK(Render100Workers)->Unit(benchmark::kMicrosecond);

// The lines of all rows of one endpoint, a piece for each row.
void Compress100Workers(benchmark::State& state) {
  const std::vector endpoints{std::make_shared<const EndpointState>(polled())};
  const auto all = render(endpoints, Part::workers, "prod", context(), Now{});
  std::size_t text = 0;
  std::size_t deflated = 0;
  for (auto _ : state) {
    text = deflated = 0;
    for (const auto& lines : all) {
      const auto piece = deflate(lines.text);
      text += piece.length;
      deflated += piece.deflated.size();
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text));
  state.counters["ratio"] = static_cast<double>(text) / static_cast<double>(deflated);
}
BENCHMARK(Compress100Workers)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bench
