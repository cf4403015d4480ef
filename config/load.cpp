#include "config/load.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "config/accounts.hpp"
#include "config/node.hpp"
#include "config/sections.hpp"
#include "config/table.hpp"

namespace serverless::config {
namespace {

Place place_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

Node node_of(const toml::node& node);

Entries entries_of(const toml::table& table) {
  Entries entries;
  for (const auto& [key, node] : table) {
    entries.push_back({std::string(key.str()), place_of(key.source()), node_of(node)});
  }
  return entries;
}

List list_of(const toml::array& array) {
  List list;
  for (const auto& node : array) list.push_back(node_of(node));
  return list;
}

/// toml++ bounds how deep tables and lists may nest, so this ends.
Node node_of(const toml::node& node) {
  const auto place = place_of(node.source());
  if (const auto* value = node.as_boolean()) return {value->get(), place};
  if (const auto* value = node.as_integer()) return {value->get(), place};
  if (const auto* value = node.as_floating_point()) return {value->get(), place};
  if (const auto* value = node.as_string()) return {value->get(), place};
  if (const auto* array = node.as_array()) return {list_of(*array), place};
  if (const auto* table = node.as_table()) return {entries_of(*table), place};
  return {DateOrTime{}, place};
}

/// What toml++ says, less what it quotes of the text beyond a few characters: it repeats numbers
/// whole, and a key may have been written without quotation marks. It also repeats line ends.
std::string repeatable(std::string_view text) {
  constexpr std::size_t kLongestQuote = 16;
  std::string kept;
  while (!text.empty()) {
    const auto open = text.find('\'');
    const auto close = open == std::string_view::npos ? open : text.find('\'', open + 1);
    if (close == std::string_view::npos) break;
    const auto quote = text.substr(open, close + 1 - open);
    kept += text.substr(0, open);
    kept += quote.size() <= kLongestQuote + 2 ? quote : "'...'";
    text.remove_prefix(close + 1);
  }
  kept += text;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::replace_if(kept.begin(), kept.end(), is_control, ' ');
  return kept;
}

tl::expected<Entries, Problem> parse(std::string_view text, std::string_view file) {
  // The compiled library is built with exceptions; none leaves this function.
  try {
    return entries_of(toml::parse(text, file));
  } catch (const toml::parse_error& error) {
    const auto place = place_of(error.source());
    return tl::make_unexpected(Problem{std::string(file), place.line, place.column,
                                       "not valid TOML: " + repeatable(error.description())});
  }
}

template <typename T>
void read_section(Table& top, std::string_view key, T& into, void (*read)(Table&, T&)) {
  const auto title = fmt::format("[{}]", key);
  Table table{top.section(key), title, top.findings()};
  read(table, into);
  table.finish();
}

}  // namespace

tl::expected<Config, std::vector<Problem>> load(std::string_view text, std::string_view file,
                                                std::span<const ProviderSpec> providers) {
  const auto entries = parse(text, file);
  if (!entries) return tl::make_unexpected(std::vector<Problem>{entries.error()});
  Findings findings{std::string(file)};
  Table top{&*entries, "", findings};
  Config config;
  read_section(top, "web", config.web, read_web);
  read_section(top, "poll", config.poll, read_poll);
  read_section(top, "limits", config.limits, read_limits);
  read_section(top, "series", config.series, read_series);
  read_section(top, "log", config.log, read_log);
  read_cluster(top, config.cluster);
  config.accounts = read_accounts(top, config.poll, providers);
  top.finish();
  auto problems = findings.in_order();
  if (!problems.empty()) return tl::make_unexpected(std::move(problems));
  return config;
}

}  // namespace serverless::config
