#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "daemon/account.hpp"
#include "daemon/blocks.hpp"
#include "daemon/selection.hpp"

namespace serverless::daemon {

/// When a target is polled next.
struct Due {
  Mono at{};
  bool in_flight = false;  ///< Now; `at` says nothing.
};

/// What a dispatcher publishes: one account at one moment.
struct AccountPage {
  AccountState state{};
  Context context{};
  std::array<Runs, kParts.size()> runs{};  ///< By Part.
  Mono expires = Mono::max();              ///< The earliest moment at which a run has to go.
  FlatMap<Due> next_polls{};               ///< By key_of() the target.
};

using Pages = std::vector<std::shared_ptr<const AccountPage>>;

/// Compresses what is not the same as in the page before. Pure.
AccountPage make_page(AccountState state, Context context, Now now,
                      const AccountPage* before = nullptr);

/// Which limit withholds an endpoint's worker series. The values of the `limit` label.
enum class Limit : std::uint8_t { endpoint, account, total };
inline constexpr std::array<std::string_view, 3> kLimitNames{"endpoint", "account", "total"};
constexpr std::string_view name(Limit limit) {
  return kLimitNames[static_cast<std::size_t>(limit)];
}

using EndpointKey = std::pair<std::string, std::string>;  ///< Account, endpoint id.
using Withheld = std::map<EndpointKey, Limit>;

/// Decides whose worker series are withheld: whole endpoints, the largest first, until the rest
/// fits. What is withheld comes back when it fits with 10 % to spare. Pure.
Withheld withhold(const Withheld& before, std::span<const std::shared_ptr<const AccountPage>> pages,
                  const config::Limits& limits);

/// A page, in pieces: end to end they are one gzip stream, inflated one by one its text.
struct Page {
  Format format = Format::text;
  std::vector<std::shared_ptr<const Piece>> pieces{};
  Checksum checksum{};
  std::size_t deflated_bytes = 0;  ///< Of the pieces.
  std::size_t series = 0;

  void append(std::shared_ptr<const Piece> piece);
  /// Adds lines of their own, or a header.
  void append(std::string_view text);

  /// The whole text. For tests and --once.
  [[nodiscard]] std::string text() const;
  /// Bytes of the whole gzip stream.
  [[nodiscard]] std::size_t gzip_bytes() const;
};

/// Chooses what is on the page now: what was asked for, has not expired and is not withheld, family
/// by family. The end of the page is still to be written. Pure.
Page assemble(const Pages& pages, const Withheld& withheld, Now now, Format format = Format::text,
              const Selection& selection = {});

/// Adds what the process tells of itself, and the end of the page.
void finish(Page& page, std::string_view text, std::size_t series);

}  // namespace serverless::daemon
