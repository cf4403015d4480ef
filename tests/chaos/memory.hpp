#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/chaos/recording.hpp"

namespace chaos {

/// What the exporter took of the machine, all the while.
class Memory {
 public:
  void take(const Record& record);
  /// Where it grew after the warm-up, the first tenth: a line each. Empty: it is flat.
  [[nodiscard]] std::vector<std::string> growth() const;
  /// The figures.
  [[nodiscard]] std::string text() const;

 private:
  struct Sample {
    double time = 0;
    double resident = 0;
    double anonymous = 0;
    double descriptors = 0;
  };
  using Samples = std::vector<Sample>;

  /// The samples of the `part`th of `parts` after the warm-up.
  [[nodiscard]] Samples after_warm_up(std::size_t part, std::size_t parts) const;

  Samples samples_{};
};

}  // namespace chaos
