#include "daemon/selection.hpp"

#include <fmt/format.h>

#include "collectors/registry.hpp"
#include "daemon/metrics.hpp"

namespace serverless::daemon {
namespace {

using Names = std::set<std::string_view>;

Names all_providers() {
  Names labels;
  for (const auto& provider : providers()) labels.insert(provider.label);
  return labels;
}

}  // namespace

tl::expected<Selection, std::string> select(
    std::span<const std::pair<std::string, std::string>> arguments) {
  const Names known = all_providers();
  Selection selection;
  std::optional<Names> excluded;
  for (const auto& [name, value] : arguments) {
    if (name == "name[]") {
      const Row* row = find_row(value);
      if (row == nullptr) {
        return tl::make_unexpected(fmt::format("name[]: '{}' is no metric of ours\n", value));
      }
      if (!selection.families) selection.families.emplace();
      selection.families->insert(row->name);
    } else if (name == "collect[]" || name == "exclude[]") {
      const auto provider = known.find(value);
      if (provider == known.end()) {
        return tl::make_unexpected(fmt::format("{}: '{}' is no provider; there are {}\n", name,
                                               value, fmt::join(known, ", ")));
      }
      auto& into = name == "collect[]" ? selection.providers : excluded;
      if (!into) into.emplace();
      into->insert(*provider);
    }
  }
  if (selection.providers && excluded) {
    return tl::make_unexpected(std::string("collect[] and exclude[] do not go together\n"));
  }
  if (excluded) {
    selection.providers = known;
    for (const auto label : *excluded) selection.providers->erase(label);
  }
  return selection;
}

}  // namespace serverless::daemon
