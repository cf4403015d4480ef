#include "tests/bench/agree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include "tests/e2e/page_fixture.hpp"

namespace bench {
namespace {

using Values = std::map<std::string, double>;

// Ours are split into accounts, the others' are not. A label that is empty is none.
Values worker_series(const std::string& page, std::set<std::string>& families) {
  Values values;
  const auto parsed = e2e::Page::parse(page);
  for (auto sample : parsed.samples()) {
    if (!sample.name.starts_with("serverless_worker_")) continue;
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
