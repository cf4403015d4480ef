#include <benchmark/benchmark.h>

#include <string>

#include "collectors/runpod.hpp"
#include "collectors/vast.hpp"
#include "tests/bench/answers.hpp"

namespace bench {
namespace {

template <typename Parse>
void parse(benchmark::State& state, const std::string& body, Parse parse_body) {
  for (auto _ : state) {
    auto report = parse_body(body);
    if (!report || report->workers.empty()) state.SkipWithError("no workers");
    benchmark::DoNotOptimize(report);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

void ParseRunpodWorkers(benchmark::State& state) {
  parse(state, runpod_workers(static_cast<std::size_t>(state.range(0))),
        serverless::runpod::parse_workers);
}
BENCHMARK(ParseRunpodWorkers)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

void ParseVastWorkers(benchmark::State& state) {
  parse(state, vast_workers(static_cast<std::size_t>(state.range(0))),
        serverless::vast::parse_workers);
}
BENCHMARK(ParseVastWorkers)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bench
