#pragma once

#include <cstddef>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace serverless {

/// What a list says of things that have ids, in its order. Of those with one id the last counts, in
/// the place of the first.
template <typename T>
class ById {
 public:
  /// @return what is kept, and whether the id is new: a list that has it twice is noted by who
  ///         reads it (Skipped::duplicate).
  std::pair<T&, bool> put(std::string_view id, T value) {
    const auto [entry, is_new] = positions_.emplace(id, values_.size());
    if (is_new) return {values_.emplace_back(std::move(value)), true};
    auto& kept = values_[entry->second];
    kept = std::move(value);
    return {kept, false};
  }

  std::vector<T> take() { return std::move(values_); }

 private:
  std::vector<T> values_{};
  std::pmr::monotonic_buffer_resource room_{};  // Ids come, and none goes.
  std::pmr::unordered_map<std::pmr::string, std::size_t> positions_{&room_};
};

}  // namespace serverless
