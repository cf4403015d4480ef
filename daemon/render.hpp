#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/account.hpp"
#include "daemon/metrics.hpp"

namespace serverless::daemon {

/// The sample lines of one row for some endpoints or an account.
struct Lines {
  std::size_t row = 0;         ///< In rows().
  Mono expires = Mono::max();  ///< Not to be served after this moment.
  std::uint32_t series = 0;
  std::string text{};
};

/// An endpoint's lines are of two parts: of single workers, which the limits may withhold, and of
/// the endpoint itself.
enum class Part : std::uint8_t { endpoint, workers };
inline constexpr std::array kParts{Part::endpoint, Part::workers};

/// Until when what rests on these sources may be served: no longer than the first of them is fresh.
/// Nothing if one of them never answered. Pure.
/// @param by_status  it rests on the reconciled status, too, and so on whatever decided that.
std::optional<Mono> served_until(const EndpointState& state, Needs needs, bool by_status = false);

/// It may be served now. Pure.
inline bool is_served(const EndpointState& state, Needs needs, bool by_status, Mono now) {
  const auto until = served_until(state, needs, by_status);
  return until && *until >= now;
}

/// Which part a row is of; empty: none, it is an account's or written at scrape time.
std::optional<Part> part_of(const Row& row);

/// The lines of that part of these endpoints, by row, but for those that have expired. Pure.
std::vector<Lines> render(std::span<const std::shared_ptr<const EndpointState>> endpoints,
                          Part part, const std::string& account, const Context& context, Now now);

/// Surely has the same lines of that part, with the same expiry: told without rendering, by what
/// they share. Pure.
bool says_the_same(const EndpointState& one, const EndpointState& other, Part part);

/// All lines of the account itself, by row. Pure.
std::vector<Lines> render(const AccountState& account);

/// The formats of a page: Prometheus' text format 0.0.4 (and 1.0.0, which says the same of our
/// names), and OpenMetrics 1.0.0. They differ in headers and in the end of the page only.
enum class Format : std::uint8_t { text, openmetrics };

/// "# HELP" and "# TYPE" of a family.
std::string family_header(const Row& row, Format format = Format::text);

}  // namespace serverless::daemon
