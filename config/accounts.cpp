#include "config/accounts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "config/form.hpp"
#include "config/overlap.hpp"
#include "config/sections.hpp"
#include "config/suggest.hpp"

namespace serverless::config {
namespace {

constexpr std::string_view kTitle = "[[accounts]]";

struct SourceKey {
  std::string_view key{};
  KeySource::Kind kind = KeySource::Kind::file;
  bool (*accepts)(std::string_view) = nullptr;
  std::string_view form{};
};

// A pasted key is none of the first two forms, so it cannot pass for a name and be printed later,
// when there is no such file or variable.
constexpr SourceKey kSourceKeys[] = {
    {"api_key_file", KeySource::Kind::file,
     [](std::string_view text) { return text.starts_with('/'); }, "expected an absolute path"},
    {"api_key_env", KeySource::Kind::env, is_variable,
     "expected the name of an environment variable: A-Z 0-9 _"},
    {"api_key_credential", KeySource::Kind::credential, is_id,
     "expected the name of a systemd credential: a file name below $CREDENTIALS_DIRECTORY"},
};

/// Where people write the key itself.
constexpr std::string_view kLiteralKeys[] = {"api_key", "apikey", "api-key", "api_token",
                                             "key",     "token",  "secret",  "password"};

/// An account that is being read, with the places that later checks point at.
struct Draft {
  Account account{};
  Place place{};
  Place name_place{};
  Place key_place{};
  Place endpoints_place{};
};

const KeySpec* find_key(const ProviderSpec& provider, std::string_view name) {
  const auto found = std::find_if(provider.keys.begin(), provider.keys.end(),
                                  [name](const KeySpec& spec) { return spec.name == name; });
  return found == provider.keys.end() ? nullptr : &*found;
}

/// The row that an account's `provider` names, or null: absent, or reported.
const ProviderSpec* read_provider(Table& table, Draft& draft,
                                  std::span<const ProviderSpec> providers) {
  const auto* entry = table.find("provider");
  if (entry == nullptr) {
    table.findings().add(draft.place, "provider: missing; every account needs one");
    return nullptr;
  }
  std::vector<std::string_view> names;
  for (const auto& provider : providers) names.push_back(provider.name);
  const auto index = read_word(entry->node, names);
  if (index) {
    draft.account.provider = names[*index];
    return &providers[*index];
  }
  const auto* text = std::get_if<std::string>(&entry->node.value);
  const auto meant = text == nullptr ? std::nullopt : nearest(*text, names);
  table.add(*entry, entry->node.place,
            meant ? fmt::format("{}; did you mean \"{}\"?", index.error(), *meant) : index.error());
  return nullptr;
}

/// True if a key was written into the file itself, which is reported.
bool refuse_literal_keys(Table& table) {
  bool any = false;
  for (const auto& entry : table.entries()) {
    const auto* end = std::end(kLiteralKeys);
    if (std::find(std::begin(kLiteralKeys), end, entry.key) == end) continue;
    table.add(entry, entry.place,
              "keys are not written into the configuration; write it into a file that only the "
              "exporter can read and name that with api_key_file");
    table.forgive(entry.key);
    any = true;
  }
  return any;
}

void read_key_source(Table& table, Draft& draft) {
  const bool literal = refuse_literal_keys(table);
  const Entry* first = nullptr;
  for (const auto& source : kSourceKeys) {
    const auto* entry = table.find(source.key);
    if (entry == nullptr) continue;
    if (first != nullptr) {
      table.add(*entry, entry->place, fmt::format("the key comes from {} already", first->key));
      continue;
    }
    first = entry;
    draft.key_place = entry->node.place;
    auto text = read_text(entry->node);
    if (text && source.accepts(*text)) {
      draft.account.key = {source.kind, std::move(*text)};
    } else {
      table.add(*entry, entry->node.place, text ? source.form : text.error());
    }
  }
  if (first == nullptr && !literal) {
    table.findings().add(draft.place,
                         "no key: set one of api_key_file, api_key_env and api_key_credential");
  }
}

void read_endpoints(Table& table, Draft& draft, const ProviderSpec& provider) {
  const auto* entry = table.find("endpoints");
  if (entry == nullptr) return;
  draft.endpoints_place = entry->node.place;
  if (!provider.discovers) {
    table.add(*entry, entry->place,
              fmt::format("an account of provider {} is one endpoint: remove this", provider.name));
    return;
  }
  table.read_list("endpoints", draft.account.endpoints, read_id);
}

/// The value of an absent key. A row that gives none of its own type has an empty one.
Setting fallback_of(const KeySpec& spec) {
  switch (spec.type) {
    case KeySpec::Type::boolean:
      return std::holds_alternative<bool>(spec.fallback) ? spec.fallback : Setting{false};
    case KeySpec::Type::list:
      return std::holds_alternative<std::vector<std::string>>(spec.fallback)
                 ? spec.fallback
                 : Setting{std::vector<std::string>{}};
    case KeySpec::Type::url:
    case KeySpec::Type::text:
      break;
  }
  return std::holds_alternative<std::string>(spec.fallback) ? spec.fallback
                                                            : Setting{std::string{}};
}

using ReadText = Parsed<std::string> (*)(const Node&);

/// A reader that asks the provider too, unless the value is the one that it would have anyway.
auto checked(const KeySpec& spec, ReadText read) {
  return [&spec, read](const Node& node) -> Parsed<std::string> {
    auto text = read(node);
    if (!text || spec.check == nullptr || Setting{*text} == spec.fallback) return text;
    if (auto wrong = spec.check(*text)) return tl::make_unexpected(std::move(*wrong));
    return text;
  };
}

Setting read_setting(Table& table, const KeySpec& spec) {
  auto setting = fallback_of(spec);
  switch (spec.type) {
    case KeySpec::Type::boolean:
      table.read(spec.name, std::get<bool>(setting), read_boolean);
      break;
    case KeySpec::Type::list:
      table.read_list(spec.name, std::get<std::vector<std::string>>(setting),
                      checked(spec, read_item));
      break;
    case KeySpec::Type::url:
      table.read(spec.name, std::get<std::string>(setting), checked(spec, read_url));
      break;
    case KeySpec::Type::text:
      table.read(spec.name, std::get<std::string>(setting), checked(spec, read_text));
      break;
  }
  return setting;
}

/// Says so of keys that are right for another provider. Where the provider is not known, they are
/// left alone: the mistake is elsewhere.
void refuse_keys_of_others(Table& table, const ProviderSpec* provider,
                           std::span<const ProviderSpec> providers) {
  for (const auto& entry : table.entries()) {
    if (table.knows(entry.key)) continue;
    std::vector<std::string_view> owners;
    for (const auto& other : providers) {
      if (find_key(other, entry.key) != nullptr) owners.push_back(other.name);
    }
    if (owners.empty()) continue;
    table.forgive(entry.key);
    if (provider == nullptr) continue;
    table.findings().add(entry.place, fmt::format("'{}' is a key of {} {}, not {}", entry.key,
                                                  owners.size() == 1 ? "provider" : "providers",
                                                  fmt::join(owners, " and "), provider->name));
  }
}

Draft read_account(Table& table, Place place, const Poll& poll,
                   std::span<const ProviderSpec> providers) {
  Draft draft{.account = {.poll = poll}, .place = place};
  if (table.find("name") == nullptr) {
    table.findings().add(place, "name: missing; every account needs one");
  }
  const auto* name = table.read("name", draft.account.name, read_name);
  if (name != nullptr) draft.name_place = name->node.place;
  const auto* provider = read_provider(table, draft, providers);
  read_key_source(table, draft);
  table.find("endpoints");
  if (provider != nullptr) read_endpoints(table, draft, *provider);
  table.read("quota_group", draft.account.quota_group, or_empty(read_name));
  table.read("allow_overlap", draft.account.allow_overlap, read_boolean);
  read_poll(table, draft.account.poll);
  if (provider != nullptr) {
    for (const auto& spec : provider->keys) {
      draft.account.settings.emplace(spec.name, read_setting(table, spec));
    }
  }
  refuse_keys_of_others(table, provider, providers);
  table.finish();
  return draft;
}

void check_names(std::span<const Draft> drafts, Findings& findings) {
  std::map<std::string_view, Place> names;
  for (const auto& draft : drafts) {
    if (draft.account.name.empty()) continue;
    const auto [first, is_new] = names.try_emplace(draft.account.name, draft.place);
    if (is_new) continue;
    findings.add(draft.name_place,
                 fmt::format("name: the account at line {} has the same name", first->second.line));
  }
}

void check_overlaps(std::span<const Draft> drafts, Findings& findings) {
  std::vector<Account> accounts;
  for (const auto& draft : drafts) accounts.push_back(draft.account);
  for (const auto& overlap : overlaps(accounts)) {
    const auto& draft = drafts[overlap.second];
    const bool same_key = overlap.endpoint.empty();
    findings.add(
        same_key ? draft.key_place : draft.endpoints_place,
        fmt::format(
            "the account at line {} has the same {}, so that every sum would count "
            "its workers twice; if that is meant, set allow_overlap = true in both",
            drafts[overlap.first].place.line,
            same_key ? "provider and key" : fmt::format("endpoint {}", shown(overlap.endpoint))));
  }
}

}  // namespace

std::vector<Account> read_accounts(Table& top, const Poll& poll,
                                   std::span<const ProviderSpec> providers) {
  constexpr std::string_view kForm = "tables, each written [[accounts]]";
  auto& findings = top.findings();
  const auto* entry = top.find("accounts");
  const auto* list = entry == nullptr ? nullptr : std::get_if<List>(&entry->node.value);
  if (entry != nullptr && list == nullptr) {
    top.add(*entry, entry->place, unlike(kForm, entry->node).value());
    return {};
  }
  if (list == nullptr || list->empty()) {
    findings.add(entry == nullptr ? Place{} : entry->place,
                 "no account: add at least one [[accounts]] table");
    return {};
  }
  std::vector<Draft> drafts;
  for (const auto& node : *list) {
    const auto* entries = std::get_if<Entries>(&node.value);
    if (entries == nullptr) {
      top.add(*entry, node.place, unlike(kForm, node).value());
      continue;
    }
    Table table{entries, std::string(kTitle), findings};
    drafts.push_back(read_account(table, node.place, poll, providers));
  }
  check_names(drafts, findings);
  check_overlaps(drafts, findings);
  std::vector<Account> accounts;
  accounts.reserve(drafts.size());
  for (auto& draft : drafts) accounts.push_back(std::move(draft.account));
  return accounts;
}

}  // namespace serverless::config
