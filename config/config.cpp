#include "config/config.hpp"

#include <fmt/format.h>

namespace serverless::config {

std::string to_string(const Problem& problem) {
  if (problem.line == 0) return fmt::format("{}: {}", problem.file, problem.what);
  return fmt::format("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.what);
}

}  // namespace serverless::config
