#include "config/overlap.hpp"

#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace serverless::config {
namespace {

using KeyOfProvider = std::tuple<std::string, KeySource::Kind, std::string>;
using EndpointOfProvider = std::pair<std::string, std::string>;

// Only the first holder of a key or endpoint is remembered. That is enough: of several holders, one
// that does not allow the overlap is either the first, and clashes with all, or clashes with it.
struct Holders {
  std::map<KeyOfProvider, std::size_t> keys{};
  std::map<EndpointOfProvider, std::size_t> endpoints{};
};

bool clash(const Account& a, const Account& b) { return !(a.allow_overlap && b.allow_overlap); }

std::optional<Overlap> overlap_of(std::size_t index, std::span<const Account> accounts,
                                  Holders& holders) {
  const auto& account = accounts[index];
  std::optional<Overlap> found;
  if (!account.key.name.empty()) {
    const KeyOfProvider key{account.provider, account.key.kind, account.key.name};
    const auto first = holders.keys.try_emplace(key, index).first->second;
    if (first != index && clash(accounts[first], account)) found = Overlap{first, index, {}};
  }
  for (const auto& endpoint : account.endpoints) {
    const auto first =
        holders.endpoints.try_emplace({account.provider, endpoint}, index).first->second;
    const bool clashes = first != index && clash(accounts[first], account);
    if (clashes && !found) found = Overlap{first, index, endpoint};
  }
  return found;
}

}  // namespace

std::vector<Overlap> overlaps(std::span<const Account> accounts) {
  std::vector<Overlap> all;
  Holders holders;
  for (std::size_t index = 0; index < accounts.size(); ++index) {
    if (accounts[index].provider.empty()) continue;
    if (auto found = overlap_of(index, accounts, holders)) all.push_back(std::move(*found));
  }
  return all;
}

}  // namespace serverless::config
