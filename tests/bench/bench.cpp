// Measures the exporter beside others: see docs/performance.md. ./dev bench starts it.
#include <fmt/format.h>
#include <stdlib.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/compare.hpp"
#include "tests/bench/latency.hpp"
#include "tests/bench/real_prometheus.hpp"

namespace {

constexpr int kBadUsage = 64;
constexpr int kNotTrusted = 2;

constexpr std::string_view kHelp =
    "bench compare [--rounds N] [--no-go] [--alone WORKERS]... [WORKERS]...\n"
    "              all contenders at each size; the exporter alone at others\n"
    "bench latency [WORKERS]          scrapes while nothing is polled, and while everything is\n"
    "bench prometheus [WORKERS [SECONDS]]\n"
    "              a real Prometheus for ten minutes, then on a file of the same page\n"
    "bench smoke   one short round at 1,000 workers, without the Go peers, unjudged\n";

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::invalid_argument(fmt::format("not a number: {}", text));
  }
  return value;
}

bench::CompareOptions compare_options(const std::vector<std::string_view>& words) {
  bench::CompareOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--no-go") {
      options.go = false;
    } else if (words[i] == "--rounds" && more) {
      options.rounds = static_cast<int>(number(words[++i]));
    } else if (words[i] == "--alone" && more) {
      options.workers_alone.push_back(number(words[++i]));
    } else {
      options.workers.push_back(number(words[i]));
    }
  }
  return options;
}

bool run(std::string_view mode, const std::vector<std::string_view>& words,
         const std::filesystem::path& directory) {
  if (mode == "compare") return bench::compare(directory, compare_options(words));
  if (mode == "latency") {
    return bench::latency(directory, words.empty() ? 100'000 : number(words[0]), 3);
  }
  if (mode == "prometheus") {
    return bench::real_prometheus(directory, words.empty() ? 100'000 : number(words[0]),
                                  std::chrono::seconds{words.size() < 2 ? 600 : number(words[1])});
  }
  if (mode == "smoke" && words.empty()) {
    return bench::compare(directory,
                          {.workers = {1000}, .rounds = 1, .go = false, .judged = false});
  }
  throw std::invalid_argument(fmt::format("no such mode: {}", mode));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  std::string directory = (std::filesystem::temp_directory_path() / "serverless_bench.XXXXXX");
  if (words.empty()) {
    fmt::print(stderr, "{}", kHelp);
    return kBadUsage;
  }
  if (mkdtemp(directory.data()) == nullptr) {
    fmt::print(stderr, "bench: cannot make {}\n", directory);
    return 1;
  }
  try {
    const bool trusted = run(words.front(), {words.begin() + 1, words.end()}, directory);
    std::filesystem::remove_all(directory);
    return trusted ? 0 : kNotTrusted;
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "bench: {}\n{}", error.what(), kHelp);
    std::filesystem::remove_all(directory);
    return kBadUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\nleft for you: {}\n", error.what(), directory);
    return 1;
  }
}
