// Holds simulator/README.md to the table of what is simulated.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "simulator/provider.hpp"

namespace simulator {
namespace {

TEST(Readme, HasTheTableOfHosts) {
  std::ifstream in(SOURCE_DIR "/simulator/README.md");
  const std::string readme{std::istreambuf_iterator<char>{in}, {}};
  for (const Provider& provider : providers()) {
    const auto row = fmt::format("\n| `/{}` | {} | ", provider.host, provider.stands_for);
    EXPECT_NE(readme.find(row), std::string::npos) << "simulator/README.md has no row" << row;
  }
}

}  // namespace
}  // namespace simulator
