#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/node.hpp"
#include "config/values.hpp"

namespace serverless::config {

/// The keys that a table has.
struct Vocabulary {
  std::string title{};  ///< "[poll]"; empty: the top of the file.
  std::vector<std::string_view> keys{};
};

/// The mistakes of one text, and what is needed to say something helpful about unknown keys, which
/// is known only when everything has been read.
class Findings {
 public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  void add(Place place, std::string what);
  void add_unknown(const Entry& entry, Vocabulary known);
  void add_vocabulary(Vocabulary vocabulary);

  /// Grows with every add().
  [[nodiscard]] std::size_t size() const { return problems_.size(); }

  /// All mistakes, in the order of the text.
  [[nodiscard]] std::vector<Problem> in_order() const;

 private:
  struct Unknown {
    std::string key{};
    Place place{};
    bool is_table = false;
    Vocabulary known{};
  };

  [[nodiscard]] std::string say(const Unknown& unknown) const;
  [[nodiscard]] std::optional<std::string> hint(const Unknown& unknown) const;

  std::string file_{};
  std::vector<Problem> problems_{};
  std::vector<Unknown> unknown_{};
  std::vector<Vocabulary> vocabularies_{};
};

/// Reads one table, key by key. A key that was asked for is thereby known; whoever has asked for
/// all of them calls finish(), and what is left is a mistake.
class Table {
 public:
  /// @param entries  null if the text has no such table: every key is then absent.
  Table(const Entries* entries, std::string title, Findings& findings);

  [[nodiscard]] Findings& findings() const { return findings_; }
  [[nodiscard]] const Entries& entries() const { return *entries_; }

  /// The key with its value, or null.
  const Entry* find(std::string_view key);

  /// The entry, if its value is now in `into`; null if it is absent, or wrong and reported.
  template <typename T, typename Read>
  const Entry* read(std::string_view key, T& into, Read read_node) {
    const auto* entry = find(key);
    if (entry == nullptr) return nullptr;
    auto value = read_node(entry->node);
    if (!value) {
      add(*entry, entry->node.place, value.error());
      return nullptr;
    }
    into = std::move(*value);
    return entry;
  }

  /// The same for a list of texts. No text may come twice.
  template <typename Read>
  const Entry* read_list(std::string_view key, std::vector<std::string>& into, Read read_item) {
    const auto* entry = find(key);
    const auto* list = entry == nullptr ? nullptr : list_of(*entry);
    if (list == nullptr) return nullptr;
    const auto before = findings_.size();
    std::vector<std::string> items;
    for (const auto& node : *list) {
      auto item = read_item(node);
      if (item && is_new(*item, items)) {
        items.push_back(std::move(*item));
      } else {
        add(*entry, node.place, item ? "this is in the list already" : item.error());
      }
    }
    if (findings_.size() != before) return nullptr;
    into = std::move(items);
    return entry;
  }

  /// The table of that key, or null if it is absent, or wrong and reported.
  const Entries* section(std::string_view key);

  /// "key: what", at that place.
  void add(const Entry& entry, Place place, std::string_view what);

  /// Takes a key out of those that finish() calls unknown, without making it known.
  void forgive(std::string_view key);

  [[nodiscard]] bool knows(std::string_view key) const;

  /// Reports what nobody asked for.
  void finish();

 private:
  [[nodiscard]] const Entry* entry_of(std::string_view key) const;
  [[nodiscard]] const List* list_of(const Entry& entry);
  [[nodiscard]] static bool is_new(const std::string& item, const std::vector<std::string>& items);

  const Entries* entries_;
  Vocabulary known_{};
  std::vector<std::string> forgiven_{};
  Findings& findings_;
};

}  // namespace serverless::config
