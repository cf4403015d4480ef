#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace simulator {

/// One stretch of a worker's life. An empty word: the worker is not listed. A length of 0 to 0
/// makes it the script's working phase, which takes what the other phases leave of the period;
/// a script has exactly one.
struct Phase {
  std::string_view word{};  ///< The provider's own word.
  int shortest_s = 0;
  int longest_s = 0;

  [[nodiscard]] constexpr bool is_working() const { return longest_s == 0; }
};

/// A life that repeats. The period is fixed for one worker, so that the state at any time is
/// found without walking through the lives before it.
struct Script {
  std::span<const Phase> phases{};
  int shortest_period_s = 0;  ///< Must exceed the sum of the phases' longest lengths.
  int longest_period_s = 0;
  bool new_id_each_life = false;  ///< Otherwise the same worker comes back.
};

/// Where in its script a worker is at one time.
struct Moment {
  std::string_view word{};
  bool working = false;
  std::size_t phase = 0;                      ///< Index into Script::phases.
  std::int64_t cycle = 0;                     ///< Number of this life.
  std::chrono::milliseconds in_life{0};       ///< Since this life began.
  std::chrono::milliseconds in_phase{0};      ///< Since this phase began.
  std::chrono::milliseconds working_from{0};  ///< Where in this life the working phase begins.
  std::chrono::milliseconds period{0};
};

/// `key` is the worker's own hash; `age` the time since the fleet was born, negative allowed.
Moment moment_at(std::uint64_t key, const Script& script, std::chrono::milliseconds age);

}  // namespace simulator
