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

  /// None that this exporter is one of.
  static Members nobody() { return {{}, 0}; }

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::size_t self() const { return self_; }
  /// This exporter is one of them.
  [[nodiscard]] bool is_in() const { return self_ < names_.size(); }

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

/// How the work is divided.
struct Division {
  /// What is this member's by all of these is its own: while members come and go there are more
  /// than one.
  std::vector<Members> views{Members{}};
  /// Members hear of each other what one was told of an account as a whole.
  bool in_touch = false;

  Division() = default;
  Division(Members members) : views{std::move(members)} {}
  Division(std::vector<Members> all, bool hear) : views(std::move(all)), in_touch(hear) {}

  /// The last view.
  [[nodiscard]] const Members& members() const { return views.back(); }
  /// This exporter is a member by all views.
  [[nodiscard]] bool is_in() const;
  /// Whether that unit is this member's. Pure.
  [[nodiscard]] bool has(const Unit& unit) const;

  bool operator==(const Division&) const = default;
};

/// What of one account a member has.
struct Share {
  Division division{};
  std::string provider{};
  std::string account{};
  /// Empty: each endpoint is a unit. Otherwise the account is one, and this its name.
  std::string whole{};
  bool any = true;           ///< This member has something of the account.
  bool asks = true;          ///< It asks what is asked of the account as a whole.
  std::uint32_t askers = 1;  ///< Members that do, this one or not.

  /// Whether that endpoint is this member's. Pure.
  [[nodiscard]] bool has(std::string_view endpoint_id) const;
  /// What one member is told of the account as a whole goes to the others.
  [[nodiscard]] bool is_passed_on() const { return division.in_touch && whole.empty(); }

  bool operator==(const Share&) const = default;
};

/// Divides an account, before anything of it is fetched. It stays whole where one answer has the
/// workers of all endpoints, and where the provider asks for a distance between requests, which
/// processes that do not hear of each other cannot keep. Pure.
Share share_of(const config::Account& account, const Provider& provider, const Division& division);

/// Those of the endpoints that are this member's. Pure.
std::vector<EndpointInfo> assign(std::vector<EndpointInfo> endpoints, const Share& share);

/// Those of the targets that this member polls: of its endpoints, and of the account where it asks
/// for them. Pure.
std::vector<Target> assign(std::vector<Target> targets, const Share& share);

/// Those of the targets of which it hears from another member. Pure.
std::vector<Target> heard(std::vector<Target> targets, const Share& share);

/// What a poll says of this member's endpoints, and of all alike. Pure.
Poll assign(Poll poll, const Share& share);

}  // namespace serverless::daemon
