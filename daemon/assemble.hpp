#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "daemon/account.hpp"
#include "daemon/render.hpp"

namespace serverless::daemon {

/// One endpoint, rendered.
struct EndpointPage {
  std::shared_ptr<const EndpointState> state{};
  std::vector<Block> blocks{};
};

/// What a dispatcher publishes: one account at one moment.
struct AccountPage {
  AccountState state{};
  std::vector<Block> blocks{};
  std::vector<std::shared_ptr<const EndpointPage>> endpoints{};  ///< By id.
  std::map<std::string, Mono> next_poll{};                       ///< By endpoint id.
};

using Pages = std::vector<std::shared_ptr<const AccountPage>>;

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

/// A page of the text format 0.0.4. The pieces point into what `owners` keeps alive.
struct Page {
  std::vector<std::string_view> pieces{};
  std::vector<std::shared_ptr<const AccountPage>> owners{};
  std::deque<std::string> own_text{};
  std::size_t bytes = 0;
  std::size_t series = 0;

  Page() = default;
  Page(Page&&) = default;
  Page& operator=(Page&&) = default;

  /// The whole text. For tests and --once.
  [[nodiscard]] std::string text() const;
};

/// Chooses what is on the page now: what has not expired and is not withheld, family by family.
/// Pure.
Page assemble(Pages pages, const Withheld& withheld, Now now);

/// Adds what the process tells of itself, as the last part of the page.
void append(Page& page, std::string text, std::size_t series);

}  // namespace serverless::daemon
