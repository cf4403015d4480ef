#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/account.hpp"
#include "daemon/metrics.hpp"

namespace serverless::daemon {

/// The sample lines of one row for one endpoint or account: made when a poll lands, so that a
/// scrape only chooses.
struct Block {
  std::size_t row = 0;         ///< In rows().
  Mono expires = Mono::max();  ///< Not to be served after this moment.
  std::uint32_t series = 0;
  bool of_workers = false;  ///< Series of single workers: the limits may withhold them.
  std::string text{};
};

/// All lines of one endpoint, by row. Pure.
std::vector<Block> render(const EndpointState& state, const std::string& account,
                          const Context& context);

/// All lines of the account itself, by row. Pure.
std::vector<Block> render(const AccountState& account);

/// "# HELP" and "# TYPE" of a family.
std::string family_header(const Row& row);

}  // namespace serverless::daemon
