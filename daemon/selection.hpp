#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace serverless::daemon {

/// The part of the page that was asked for. What it is made of are views of the tables of metrics
/// and providers.
struct Selection {
  std::optional<std::set<std::string_view>> families{};   ///< Empty: all.
  std::optional<std::set<std::string_view>> providers{};  ///< `provider` labels. Empty: all.

  [[nodiscard]] bool is_whole() const { return !families && !providers; }
  [[nodiscard]] bool has_family(std::string_view name) const {
    return !families || families->contains(name);
  }
  [[nodiscard]] bool has_provider(std::string_view label) const {
    return !providers || providers->contains(label);
  }

  bool operator==(const Selection&) const = default;
};

/// Reads `name[]` (families), `collect[]` or `exclude[]` (values of the label `provider`), each any
/// number of times. Other arguments are not ours and ask for nothing. A name that is none is
/// refused: a page without it would look as if there were no data.
/// @return what is wrong, for the client. Pure.
tl::expected<Selection, std::string> select(
    std::span<const std::pair<std::string, std::string>> arguments);

}  // namespace serverless::daemon
