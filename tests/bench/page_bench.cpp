// The page of an account with endpoints of 100 workers each.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/assemble.hpp"
#include "tests/bench/answers.hpp"

namespace bench {
namespace {

using namespace serverless;
using namespace serverless::daemon;

// One page after another, of which some endpoints have a new answer: to take it in, and to render
// and compress what became of it.
void Refresh(benchmark::State& state) {
  const auto changed = static_cast<std::size_t>(state.range(1));
  const std::array answers{runpod_answer("", 100, 30), runpod_answer("", 100, 60)};
  auto account = account_of(static_cast<std::size_t>(state.range(0)));
  auto page = std::make_unique<AccountPage>(make_page(account, context(), now_at(0)));
  int turn = 0;
  for (auto _ : state) {
    state.PauseTiming();
    ++turn;
    std::vector<Observation> observations;
    for (std::size_t i = 0; i < changed; ++i) {
      auto own = answers[static_cast<std::size_t>(turn % 2)];
      own.endpoint_id = endpoint_id(i);
      observations.push_back(observation(std::move(own), 30 * turn));
    }
    state.ResumeTiming();
    for (const auto& each : observations) apply(account, each, pace);
    page = std::make_unique<AccountPage>(make_page(account, context(), now_at(0), page.get()));
  }
}
BENCHMARK(Refresh)
    ->ArgNames({"endpoints", "changed"})
    ->Args({100, 1})
    ->Args({100, 100})
    ->Args({1000, 0})
    ->Args({1000, 10})
    ->Args({1000, 1000})
    ->Unit(benchmark::kMillisecond);

Pages pages_of(std::size_t endpoints) {
  return {
      std::make_shared<const AccountPage>(make_page(account_of(endpoints), context(), now_at(0)))};
}

void Assemble(benchmark::State& state) {
  const auto pages = pages_of(static_cast<std::size_t>(state.range(0)));
  std::size_t series = 0;
  for (auto _ : state) series = assemble(pages, {}, now_at(1)).series;
  if (series < 100) state.SkipWithError("an empty page");
  state.counters["series"] = static_cast<double>(series);
}
BENCHMARK(Assemble)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

// The combined CRC of a page that is there.
void Stitch(benchmark::State& state) {
  const auto page = assemble(pages_of(static_cast<std::size_t>(state.range(0))), {}, now_at(1));
  Checksum whole;
  for (auto _ : state) {
    whole = {};
    for (const auto& piece : page.pieces) whole.append(*piece);
    benchmark::DoNotOptimize(whole);
  }
  if (whole.crc != page.checksum.crc) state.SkipWithError("another page");
  state.counters["pieces"] = static_cast<double>(page.pieces.size());
}
BENCHMARK(Stitch)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bench
