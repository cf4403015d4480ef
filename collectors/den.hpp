#pragma once

#include <string>
#include <string_view>

#include "collectors/collector.hpp"
#include "collectors/error.hpp"
#include "collectors/observation.hpp"

// OpenWork Labs Den. GET {api_url}/v1/workers?limit=50 with the header x-api-key; a key sees its
// own organization. The server as documented shows the newest 50 workers and no more; newer ones
// send nextCursor. Limit: 600 accepted requests, and the count is only forgotten after 60 s without
// one, so at one a minute or faster it runs full; what is over is answered with 401, not 429. Seen
// 2026-09: https://openworklabs.com/docs, page "List workers".
namespace serverless::den {

struct Options {
  bool local_workers = false;  ///< Also those on people's own machines.
  bool names = false;          ///< Names that people gave; they hold people's names.

  bool operator==(const Options&) const = default;
};

struct Page {
  WorkersReport report{};
  std::string next_cursor{};  ///< Empty on the last page.

  bool operator==(const Page&) const = default;
};

/// One page of the list. `healthy` is idle here: whether a worker is working, and whether its
/// heartbeat has stopped, takes a clock and a memory. Staleness is `current` for the workers whose
/// heartbeat is to be watched and `unknown` for those that never send one.
Result<Page> parse_workers(std::string_view body, const Options& options);

Provider provider();

}  // namespace serverless::den
