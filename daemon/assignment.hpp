#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/observation.hpp"
#include "config/config.hpp"

namespace serverless::daemon {

/// What is never divided: one endpoint with all that is asked of it or, with an empty endpoint_id,
/// a whole account, or all accounts of a quota group.
struct Unit {
  std::string_view provider{};
  std::string_view account{};
  std::string_view endpoint_id{};
};

/// The same number in every build and on every machine: FNV-1a of 64 bits over the texts in their
/// order, each followed by a byte 0xff, which no UTF-8 has; then MurmurHash3's finalizer. Pure.
std::uint64_t hash_of(const Unit& unit);

/// Exporters that share the work, and which of them this is.
class Members {
 public:
  /// Alone.
  Members() : Members({"0"}, 0) {}
  /// @param names  each another; in an order that all members agree on.
  /// @param self   the position of this one.
  Members(std::vector<std::string> names, std::size_t self);

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::size_t self() const { return self_; }

  /// The position of the member that has the unit, by rendezvous hashing: whoever has the highest
  /// score for it. All members find the same one without asking each other, and when one joins or
  /// leaves, only what it takes or had moves. Pure.
  [[nodiscard]] std::size_t owner(const Unit& unit) const;

  bool operator==(const Members&) const = default;

 private:
  std::vector<std::string> names_;
  std::vector<std::uint64_t> hashes_{};  ///< Of the names.
  std::size_t self_;
};

/// The members of `--shard=ordinal/count`.
Members static_shards(std::uint32_t ordinal, std::uint32_t count);

/// What of one account a member has.
struct Share {
  Members members{};
  std::string provider{};
  std::string account{};
  /// Empty: each endpoint is a unit. Otherwise the account is one, and this its name.
  std::string whole{};
  bool any = true;           ///< This member asks something of the account.
  std::uint32_t askers = 1;  ///< Members that do, this one or not.

  /// Whether that endpoint is this member's. Pure.
  [[nodiscard]] bool has(std::string_view endpoint_id) const;

  bool operator==(const Share&) const = default;
};

/// Divides an account, before anything of it is fetched. It stays whole where one answer has the
/// workers of all endpoints, and where the provider asks for a distance between requests, which
/// processes that do not hear of each other cannot keep. Pure.
Share share_of(const config::Account& account, const Provider& provider, const Members& members);

/// Those of the endpoints that are this member's. Pure.
std::vector<EndpointInfo> assign(std::vector<EndpointInfo> endpoints, const Share& share);

/// Those of the targets that are this member's: of its endpoints, and of the account where it needs
/// them. Pure.
std::vector<Target> assign(std::vector<Target> targets, const Share& share);

/// What a poll says of this member's endpoints, and of all alike. Pure.
Poll assign(Poll poll, const Share& share);

}  // namespace serverless::daemon
