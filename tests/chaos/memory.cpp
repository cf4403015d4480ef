#include "tests/chaos/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <sstream>

namespace chaos {
namespace {

constexpr double kMiB = 1024.0 * 1024;
constexpr double kWarmUp = 0.1;
constexpr std::size_t kQuarters = 4;
// What the last quarter may have more than the first.
constexpr double kShare = 0.05;
constexpr double kRoom = kMiB;
constexpr double kDescriptors = 2;

template <class Samples, class Value>
double median(const Samples& samples, Value value) {
  std::vector<double> values;
  for (const auto& sample : samples) values.push_back(sample.*value);
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// By least squares, an hour.
template <class Samples, class Value>
double slope(const Samples& samples, Value value) {
  double time = 0;
  double mean = 0;
  for (const auto& sample : samples) {
    time += sample.time / static_cast<double>(samples.size());
    mean += sample.*value / static_cast<double>(samples.size());
  }
  double both = 0;
  double square = 0;
  for (const auto& sample : samples) {
    both += (sample.time - time) * (sample.*value - mean);
    square += (sample.time - time) * (sample.time - time);
  }
  return square > 0 ? 3600 * both / square : 0;
}

}  // namespace

void Memory::take(const Record& record) {
  Sample sample{.time = record.begun};
  std::istringstream words(record.body);
  if (words >> sample.resident >> sample.anonymous >> sample.descriptors) {
    samples_.push_back(sample);
  }
}

Memory::Samples Memory::after_warm_up(std::size_t part, std::size_t parts) const {
  const auto size = static_cast<double>(samples_.size());
  const auto at = [&](std::size_t i) {
    const double share = static_cast<double>(i) / static_cast<double>(parts);
    return samples_.begin() + static_cast<std::ptrdiff_t>(size * (kWarmUp + (1 - kWarmUp) * share));
  };
  return {at(part), at(part + 1)};
}

std::vector<std::string> Memory::growth() const {
  std::vector<std::string> found;
  const auto first = after_warm_up(0, kQuarters);
  const auto last = after_warm_up(kQuarters - 1, kQuarters);
  if (first.size() < 10) return {"too few samples"};
  const double before = median(first, &Sample::resident);
  const double after = median(last, &Sample::resident);
  if (after > before * (1 + kShare) + kRoom) {
    found.push_back(fmt::format("resident memory grew from {:.1f} MiB to {:.1f} MiB", before / kMiB,
                                after / kMiB));
  }
  const double few = median(first, &Sample::descriptors);
  const double many = median(last, &Sample::descriptors);
  if (many > few + kDescriptors) {
    found.push_back(fmt::format("open descriptors grew from {:.0f} to {:.0f}", few, many));
  }
  return found;
}

std::string Memory::text() const {
  const auto all = after_warm_up(0, 1);
  std::string out =
      fmt::format("  after a warm-up of {:.0f} %, {} samples in {:.0f} s:\n", 100 * kWarmUp,
                  all.size(), all.empty() ? 0 : all.back().time - all.front().time);
  const auto line = [&](const char* what, double Sample::*value, double unit, const char* name) {
    const auto [least, most] = std::minmax_element(
        all.begin(), all.end(),
        [&](const Sample& one, const Sample& other) { return one.*value < other.*value; });
    std::string quarters;
    for (std::size_t i = 0; i < kQuarters; ++i) {
      quarters += fmt::format(" {:.1f}", median(after_warm_up(i, kQuarters), value) / unit);
    }
    out +=
        fmt::format("    {}: {:.1f} to {:.1f}{}, medians of quarters{}, slope {:+.2f}{} an hour\n",
                    what, (*least).*value / unit, (*most).*value / unit, name, quarters,
                    slope(all, value) / unit, name);
  };
  if (all.empty()) return out;
  line("resident memory", &Sample::resident, kMiB, " MiB");
  line("  of it anonymous", &Sample::anonymous, kMiB, " MiB");
  line("open descriptors", &Sample::descriptors, 1, "");
  return out;
}

}  // namespace chaos
