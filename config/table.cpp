#include "config/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "config/suggest.hpp"

namespace serverless::config {
namespace {

// A key as long as this may be a provider's key in the wrong place.
constexpr std::size_t kLongestShown = 32;

bool contains(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// A key or a table as it stands in the text.
std::string quoted(std::string_view key, bool is_table) {
  if (is_table && key == "accounts") return "[[accounts]]";
  return is_table ? fmt::format("[{}]", key) : fmt::format("'{}'", key);
}

bool is_table(const Node& node) {
  const auto* list = std::get_if<List>(&node.value);
  const bool tables =
      list != nullptr && !list->empty() && std::holds_alternative<Entries>(list->front().value);
  return tables || std::holds_alternative<Entries>(node.value);
}

bool is_repeatable(std::string_view key) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return key.size() <= kLongestShown && std::all_of(key.begin(), key.end(), printable);
}

}  // namespace

void Findings::add(Place place, std::string what) {
  problems_.push_back({file_, place.line, place.column, std::move(what)});
}

void Findings::add_unknown(const Entry& entry, Vocabulary known) {
  unknown_.push_back({entry.key, entry.place, is_table(entry.node), std::move(known)});
}

void Findings::add_vocabulary(Vocabulary vocabulary) {
  vocabularies_.push_back(std::move(vocabulary));
}

std::vector<Problem> Findings::in_order() const {
  auto all = problems_;
  for (const auto& unknown : unknown_) {
    all.push_back({file_, unknown.place.line, unknown.place.column, say(unknown)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return all;
}

std::string Findings::say(const Unknown& unknown) const {
  const bool top = unknown.known.title.empty();
  const auto name = is_repeatable(unknown.key) ? quoted(unknown.key, top && unknown.is_table)
                                               : fmt::format("of {} bytes", unknown.key.size());
  std::string what = fmt::format("unknown {} {}", top && unknown.is_table ? "table" : "key", name);
  if (!top) what += fmt::format(" in {}", unknown.known.title);
  if (top && !unknown.is_table) what += " outside of every table";
  if (const auto text = hint(unknown)) return what + "; " + *text;
  what += top ? "; there are " : "; known are ";
  for (const auto key : unknown.known.keys) {
    what += fmt::format("{}{}", key == unknown.known.keys.front() ? "" : ", ", quoted(key, top));
  }
  return what;
}

std::optional<std::string> Findings::hint(const Unknown& unknown) const {
  const bool top = unknown.known.title.empty();
  for (const auto& other : vocabularies_) {
    const bool elsewhere = !other.title.empty() && other.title != unknown.known.title;
    if (elsewhere && contains(other.keys, unknown.key)) {
      return fmt::format("it is a key of {}", other.title);
    }
  }
  if (top && !unknown.is_table) return std::nullopt;
  const auto meant = nearest(unknown.key, unknown.known.keys);
  if (!meant) return std::nullopt;
  return fmt::format("did you mean {}?", quoted(*meant, top));
}

Table::Table(const Entries* entries, std::string title, Findings& findings)
    : entries_(entries), findings_(findings) {
  static const Entries kNone;
  if (entries_ == nullptr) entries_ = &kNone;
  known_.title = std::move(title);
}

const Entry* Table::entry_of(std::string_view key) const {
  const auto found = std::find_if(entries_->begin(), entries_->end(),
                                  [key](const Entry& entry) { return entry.key == key; });
  return found == entries_->end() ? nullptr : &*found;
}

const Entry* Table::find(std::string_view key) {
  if (!knows(key)) known_.keys.push_back(key);
  return entry_of(key);
}

const List* Table::list_of(const Entry& entry) {
  const auto* list = std::get_if<List>(&entry.node.value);
  if (list == nullptr) add(entry, entry.node.place, unlike("a list", entry.node).value());
  return list;
}

bool Table::is_new(const std::string& item, const std::vector<std::string>& items) {
  return std::find(items.begin(), items.end(), item) == items.end();
}

const Entries* Table::section(std::string_view key) {
  const auto* entry = find(key);
  if (entry == nullptr) return nullptr;
  const auto* table = std::get_if<Entries>(&entry->node.value);
  const auto form = fmt::format("a table, written [{}]", key);
  if (table == nullptr) add(*entry, entry->node.place, unlike(form, entry->node).value());
  return table;
}

void Table::add(const Entry& entry, Place place, std::string_view what) {
  findings_.add(place, fmt::format("{}: {}", entry.key, what));
}

void Table::forgive(std::string_view key) { forgiven_.emplace_back(key); }

bool Table::knows(std::string_view key) const { return contains(known_.keys, key); }

void Table::finish() {
  for (const auto& entry : *entries_) {
    const bool forgiven =
        std::find(forgiven_.begin(), forgiven_.end(), entry.key) != forgiven_.end();
    if (!forgiven && !knows(entry.key)) findings_.add_unknown(entry, known_);
  }
  findings_.add_vocabulary(known_);
}

}  // namespace serverless::config
