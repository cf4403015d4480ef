#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/observation.hpp"
#include "config/config.hpp"
#include "daemon/flat_map.hpp"

namespace serverless::daemon {

/// What an API's quota allows us.
struct Allowance {
  double rate = 0;   ///< Requests a second that it can carry for long; 0: not known.
  double burst = 0;  ///< Requests that it has room for now.

  bool operator==(const Allowance&) const = default;
};

/// How fast one account may go.
struct Tempo {
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds discovery_interval{0};
  std::optional<std::chrono::milliseconds> max_age{};  ///< Empty: auto.
  std::uint32_t max_in_flight = 1;                     ///< Polls under way at once, of each API.
  Policy policy{};
  std::uint32_t sharers = 1;  ///< Accounts that share the quota, this one among them.
  std::map<std::string, Allowance> allowances{};  ///< By API.
  /// By key_of(): how many requests the last good poll of a target took, where it was more than
  /// one: a list may have many pages.
  std::map<std::string, std::int64_t> requests{};
};

/// A target's name within its account.
std::string key_of(const Target& target);

/// How many requests of its operation one poll of a target takes. Pure.
std::int64_t requests_of(const Target& target, const Tempo& tempo);

/// The tempo of an account of this provider.
Tempo tempo_of(const config::Account& account, const Provider& provider, std::uint32_t sharers);

/// Where a target stands among all. An endpoint's calls coincide while their intervals are the
/// same, so that what is compared was told at the same moment; lists are shifted against them and
/// against each other.
struct Slot {
  std::chrono::nanoseconds interval{0};  ///< Effective.
  std::chrono::nanoseconds phase{0};     ///< Of its slots within the interval.
  std::chrono::nanoseconds gap{0};       ///< Documented, between two requests of its operation.
};

using Positions = FlatMap<std::size_t>;  ///< Of targets in a schedule, by key_of().

/// An account's targets and when each has its turn. Made anew when the targets change.
struct Schedule {
  std::vector<Target> targets{};
  std::shared_ptr<const Positions> positions = std::make_shared<const Positions>();
  std::vector<Slot> slots{};
  std::map<std::string, std::chrono::milliseconds> intervals{};  ///< Effective, by operation.
  std::map<std::string, double> demand{};   ///< Requests a second as configured, by API.
  std::map<std::string, double> round{};    ///< Requests that ask everything once, by API.
  std::map<std::string, double> stretch{};  ///< By how much each API's quota slows us, by API.
  Tempo tempo{};

  /// The position of that target, or nothing if it is not scheduled any more.
  [[nodiscard]] std::optional<std::size_t> find(const Target& target) const;
};

/// Spreads the targets of each operation evenly over its effective interval: the configured one, or
/// more where the provider asks for a least interval or a gap between two requests, or where its
/// quota cannot carry all: then all of that API's intervals stretch alike. Pure.
Schedule schedule(std::vector<Target> targets, const Tempo& tempo);

/// The age at which data of that interval expire: max(90 s, 3 x interval), or the configured age,
/// but never less than two intervals. Pure.
std::chrono::milliseconds max_age(std::chrono::milliseconds interval, const Tempo& tempo);

/// One target, between its polls.
struct TargetPace {
  Mono due{};
  bool in_slot = false;  ///< `due` is a slot; the first poll comes as soon as it can.
  std::optional<Mono> started{};
  bool in_flight = false;
  int failures = 0;  ///< In a row.
  /// In the schedule that Pacing::known_by is of; empty: it has no place there.
  std::optional<std::size_t> position{};

  bool operator==(const TargetPace&) const = default;
};

/// Where an account's polling stands.
struct Pacing {
  std::map<std::string, Mono> epochs{};  ///< Slots are counted from here, by operation.
  FlatMap<TargetPace> targets{};         ///< By key_of().
  std::map<std::string, Mono> paused{};  ///< By API or operation: no request before.
  /// Whose positions all targets have. Looked up once a schedule: a walk over ten thousand targets
  /// must not read their names.
  std::shared_ptr<const Positions> known_by{};

  bool operator==(const Pacing&) const = default;
};

struct Plan {
  std::vector<std::size_t> start{};  ///< Positions in the schedule; due now.
  std::optional<Mono> wake{};        ///< Nothing is due before; empty while all are under way.
  bool held = false;                 ///< Something is due and waits for the end of another poll.
  Pacing next{};
};

/// What to start now and when to look again. New targets come one after another, old ones keep to
/// their slots, with jitter. Pure.
Plan plan(Pacing pacing, const Schedule& schedule, Mono now);

/// Goes on where another dispatcher of the account stopped: nothing is under way any more, and what
/// was waits its least interval, but no target longer than its present one. Pure.
Pacing resume(Pacing pacing, const Schedule& schedule, Mono now);

/// Goes on where another exporter stopped: what is new and was polled there is due an interval
/// after that; a list of the account as a whole, without which its endpoints are not known, as soon
/// as the least distance of its polls allows. Pure.
/// @param polled  when each was polled there, by key_of().
Pacing carry_on(Pacing pacing, const Schedule& schedule, const std::map<std::string, Mono>& polled);

/// A poll of that target ended: it gets its next slot. From the second failure in a row on, a later
/// one: by a random share of 2, 4, 8 intervals, but of 5 minutes at most. Pure.
Pacing finished(Pacing pacing, const Schedule& schedule, const Target& target, Mono now,
                bool failed = false);

/// A target was started and nothing was sent: it is as due as before. Pure.
Pacing postponed(Pacing pacing, const Target& target);

/// The intervals changed: what waits does so for a time that is longer or shorter by as much, so
/// that an even spread stays even. A pause stays as long as it is. Pure.
Pacing rescale(Pacing pacing, const Schedule& before, const Schedule& after, Mono now);

/// What is to be left alone when a target was refused: its operation, where the provider limits
/// each by itself, or else its whole API. Pure.
std::string refused_scope(const Target& target, const Policy& policy);

/// No request of that API or operation before `until`. All turns move by as much, so that nobody
/// loses one and an even spread stays even. Pure.
Pacing pause(Pacing pacing, const Schedule& schedule, const std::string& scope, Mono until,
             Mono now);

}  // namespace serverless::daemon
