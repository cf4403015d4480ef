#pragma once

#include <string_view>

#include "collectors/error.hpp"

namespace serverless::daemon {

/// What a failed poll means for whoever runs the exporter, and what to do.
struct Advice {
  std::string_view what{};   ///< What happened, a sentence.
  std::string_view to_do{};  ///< A sentence.
};
Advice advice(Reason reason);

}  // namespace serverless::daemon
