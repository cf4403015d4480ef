#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serverless::daemon {

/// A std::map with names for keys that is cheap to copy and to walk, since it lies in one piece: a
/// page has a copy of everything that is known, several times a second. Inserting in the middle
/// moves what follows.
template <class Value>
class FlatMap {
 public:
  FlatMap() = default;
  FlatMap(std::initializer_list<std::pair<std::string, Value>> entries) {
    for (const auto& [key, value] : entries) emplace(key, value);
  }

  using value_type = std::pair<std::string, Value>;
  using iterator = typename std::vector<value_type>::iterator;
  using const_iterator = typename std::vector<value_type>::const_iterator;

  [[nodiscard]] iterator begin() { return entries_.begin(); }
  [[nodiscard]] iterator end() { return entries_.end(); }
  [[nodiscard]] const_iterator begin() const { return entries_.begin(); }
  [[nodiscard]] const_iterator end() const { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  void reserve(std::size_t size) { entries_.reserve(size); }

  [[nodiscard]] iterator find(std::string_view key) { return found(*this, key); }
  [[nodiscard]] const_iterator find(std::string_view key) const { return found(*this, key); }
  [[nodiscard]] bool contains(std::string_view key) const { return find(key) != end(); }
  [[nodiscard]] const Value& at(std::string_view key) const {
    const auto at = find(key);
    if (at == end()) throw std::out_of_range(std::string(key));
    return at->second;
  }

  /// Keeps what is there, as std::map does.
  std::pair<iterator, bool> emplace(std::string_view key, auto&& value) {
    auto at = place(*this, key);
    if (at != end() && at->first == key) return {at, false};
    std::string name(key);  // Before the move: the key may be a part of the value.
    return {entries_.emplace(at, std::move(name), std::forward<decltype(value)>(value)), true};
  }
  /// As emplace() of each, in one go.
  void merge(std::vector<value_type> more) {
    const auto is_before = [](const value_type& one, const value_type& other) {
      return one.first < other.first;
    };
    std::stable_sort(more.begin(), more.end(), is_before);
    const auto size = std::ssize(entries_);
    entries_.insert(entries_.end(), std::move_iterator(more.begin()),
                    std::move_iterator(more.end()));
    std::inplace_merge(entries_.begin(), entries_.begin() + size, entries_.end(), is_before);
    const auto is_same = [](const value_type& one, const value_type& other) {
      return one.first == other.first;
    };
    entries_.erase(std::unique(entries_.begin(), entries_.end(), is_same), entries_.end());
  }
  Value& operator[](std::string_view key) { return emplace(key, Value{}).first->second; }
  iterator erase(const_iterator at) { return entries_.erase(at); }
  std::size_t erase(std::string_view key) {
    const auto at = find(key);
    if (at == end()) return 0;
    entries_.erase(at);
    return 1;
  }

  friend void erase_if(FlatMap& map, auto&& is_to_go) { std::erase_if(map.entries_, is_to_go); }

  bool operator==(const FlatMap&) const = default;

 private:
  // What comes in its order goes to the end.
  static auto place(auto& self, std::string_view key) {
    if (self.empty() || self.entries_.back().first < key) return self.end();
    return std::lower_bound(
        self.begin(), self.end(), key,
        [](const value_type& entry, std::string_view wanted) { return entry.first < wanted; });
  }
  static auto found(auto& self, std::string_view key) {
    const auto at = place(self, key);
    return at == self.end() || at->first == key ? at : self.end();
  }

  std::vector<value_type> entries_{};
};

}  // namespace serverless::daemon
