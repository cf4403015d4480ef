#include "tests/bench/agree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include "tests/e2e/page_fixture.hpp"

namespace bench {
namespace {

using Values = std::map<std::string, double>;

// What their libraries tell of themselves is not compared, and need not follow our rules.
std::string worker_lines(std::string_view page) {
  constexpr std::array<std::string_view, 3> kBeginnings{
      "serverless_worker_", "# HELP serverless_worker_", "# TYPE serverless_worker_"};
  std::string kept;
  while (!page.empty()) {
    const auto line = page.substr(0, page.find('\n') + 1);
    page.remove_prefix(line.empty() ? page.size() : line.size());
    if (std::any_of(kBeginnings.begin(), kBeginnings.end(),
                    [&](std::string_view beginning) { return line.starts_with(beginning); })) {
      kept += line;
    }
  }
  return kept;
}

// Ours are split into accounts, the others' are not. A label that is empty is none.
Values worker_series(const std::string& page, std::set<std::string>& families) {
  Values values;
  const auto parsed = e2e::Page::parse(worker_lines(page));
  for (auto sample : parsed.samples()) {
    families.insert(sample.name);
    sample.labels.erase("account");
    std::erase_if(sample.labels, [](const auto& label) { return label.second.empty(); });
    values.emplace(sample.series(), sample.value);
  }
  return values;
}

bool is_of_the_moment(std::string_view series) {
  return series.starts_with("serverless_worker_uptime_seconds");
}

// prometheus-cpp writes 16 digits.
bool is_same(double one, double other) {
  return std::abs(one - other) <= 1e-14 * std::max(std::abs(one), std::abs(other));
}

void demand_same(const std::string& who, const Values& theirs, const Values& ours) {
  for (const auto& [series, value] : theirs) {
    const auto found = ours.find(series);
    if (found == ours.end()) {
      throw std::runtime_error(fmt::format("only {} has {}", who, series));
    }
    if (!is_of_the_moment(series) && !is_same(value, found->second)) {
      throw std::runtime_error(
          fmt::format("{} says {} of {}, not {}", who, value, series, found->second));
    }
  }
}

}  // namespace

std::size_t agreed_series(const std::vector<std::pair<std::string, std::string>>& pages) {
  std::set<std::string> families;
  std::vector<Values> all;
  for (const auto& [who, page] : pages) {
    std::set<std::string> own;
    all.push_back(worker_series(page, own));
    if (all.size() == 2) families = own;
  }
  std::erase_if(all.front(), [&](const auto& entry) {
    return !families.contains(entry.first.substr(0, entry.first.find('{')));
  });
  for (std::size_t i = 1; i < all.size(); ++i) {
    demand_same(pages[i].first, all[i], all.front());
    demand_same(pages.front().first, all.front(), all[i]);
  }
  return all.front().size();
}

}  // namespace bench
