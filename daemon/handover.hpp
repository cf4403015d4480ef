#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "collectors/collector.hpp"
#include "daemon/account.hpp"

namespace serverless::daemon {

// What a member of a cluster tells the next owner of an endpoint. By it the next owner's first good
// poll goes on as if it had polled all along: it counts what changed since, and nothing twice.
//
// What travels of an endpoint is what no API tells: our counters of it, and what the next answer
// is compared with. That is of each worker its id, its status as reported and as reconciled, since
// when, and when its stamps last changed; of the job queue its counts; the groups' members; what
// waits to be seen again (falls of counters, an empty list, streaks); and per source when it was
// last told, which is where the next answer goes on from (SourceState::handed).
//
// What an API tells is left to the next owner's own polls, and what rests on it is not served
// before them: SourceState::good, without which nothing is, does not travel. Counters are served
// at once.
//
// What a member counts of itself does not travel: requests and their durations, an account's
// failures, endpoints removed. Each member counts its own, so that sums over members are right.
//
// Moments of the monotonic clock travel as ages at the time of packing, since those clocks of two
// machines have nothing in common. Wall clocks only tell how long a text was under way, so that a
// difference between them moves an age by no more than itself and is bounded by kBelievedFor; an
// NTP step in an age of days costs nothing.

/// Of a text as it is stored. It is no longer when it is inflated, so there is no bomb.
inline constexpr std::size_t kMostHandoverBytes = std::size_t{512} * 1024;
/// Of all texts of an account that one member leaves, as they are stored. The test ATextIsSmall
/// measures 103 bytes an endpoint and, of random ids of the usual length, 13 (Vast.ai), 21 (RunPod)
/// or 40 (Den) a worker: that is room for 400,000 workers at least.
inline constexpr std::size_t kMostHandoverBytesInAll = std::size_t{16} * 1024 * 1024;
/// Of an account, from one member. Whoever reads should read no more.
inline constexpr std::size_t kMostHandoverTexts = 128;
/// Of one text, and so of an endpoint. Where ids are as long as Den's, its bytes end at 7,000.
inline constexpr std::size_t kMostHandoverWorkers = 10'000;
/// What was packed longer ago would be a guess.
inline constexpr std::chrono::minutes kBelievedFor{5};

struct Packed {
  std::vector<std::string> texts{};  ///< gzip. Each can be read without the others.
  std::size_t endpoints = 0;         ///< In them.
  std::size_t left_out = 0;          ///< Endpoints that did not fit.

  bool operator==(const Packed&) const = default;
};

/// What the next owners of these endpoints have to know. Those that the account does not have are
/// passed over; those that it was told of and has not met yet are handed on. Pure.
Packed pack(const AccountState& account, const std::set<std::string>& endpoint_ids, Now now);

/// Reads one text that pack() made, for take_over(). Whatever the text holds, it takes some 30 MB
/// at most, and nothing is thrown but for want of memory. Pure.
/// @param provider  of the account: what was remembered of another one's is refused.
/// @return or why it is not believed: damaged, of another format or provider, too old.
tl::expected<Heirlooms, std::string> unpack(std::string_view text, const Provider& provider,
                                            Now now);

}  // namespace serverless::daemon
