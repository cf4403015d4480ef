#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/deflate.hpp"
#include "daemon/flat_map.hpp"
#include "daemon/render.hpp"

namespace serverless::daemon {

using EndpointPointer = std::shared_ptr<const EndpointState>;

/// The sample lines of one row for a run of endpoints, compressed when a poll lands, so that a
/// scrape only chooses.
struct Block {
  std::size_t row = 0;  ///< In rows().
  std::uint32_t series = 0;
  std::shared_ptr<const Piece> piece{};
};

/// Consecutive endpoints of an account whose lines are compressed together: a few lines alone would
/// not compress.
struct Run {
  std::vector<EndpointPointer> endpoints{};  ///< As they were when it was made.
  Mono expires = Mono::max();   ///< A line of it is not to be served after this moment.
  std::vector<Block> blocks{};  ///< By row.
};
using Runs = std::vector<std::shared_ptr<const Run>>;

/// One part of a run, without the lines that have expired. What says the same as in `before` is
/// shared with it. Pure.
std::shared_ptr<const Run> make_run(std::vector<EndpointPointer> endpoints, Part part,
                                    const std::string& account, const Context& context, Now now,
                                    const Run* before = nullptr);

/// The runs of one part of an account. Runs end where they ended before unless they got too light
/// or too heavy; one whose endpoints are the same values as before, with nothing expired, is the
/// same run. Pure.
Runs make_runs(const Runs& before, const FlatMap<EndpointPointer>& endpoints, Part part,
               const std::string& account, const Context& context, Now now);

}  // namespace serverless::daemon
