#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/overview.hpp"

namespace serverless::daemon {

/// How bad it is, the worst first.
enum class Gravity : std::uint8_t {
  blind,      ///< Workers, or all endpoints of an account, are not known.
  unhealthy,  ///< Workers are.
  refused,    ///< An API did not accept us, and nothing else tells of it.
  lacking,    ///< Another source than the workers is not known.
  failing,    ///< Polls fail; all data are still good.
  empty,      ///< An account without endpoints.
};

/// "bad" or "warn".
constexpr std::string_view class_of(Gravity gravity) {
  return gravity <= Gravity::refused ? "bad" : "warn";
}

/// One thing that is not well.
struct Trouble {
  Gravity gravity = Gravity::blind;
  std::string text{};  ///< What, where, why, and what to do about it. HTML.
};

/// Everything that is not well, the worst first. What fails alike is told once. Pure.
std::vector<Trouble> troubles_of(const std::vector<AccountView>& accounts);

}  // namespace serverless::daemon
