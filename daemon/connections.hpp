#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// Why a client was sent away or cut off.
enum class Refusal : std::uint8_t {
  too_many_from_address,  ///< Its address holds as many connections as one may.
  pushed_out,             ///< Others came while there were too many connections or answers.
  too_many_answers,       ///< As many answers are on their way as may be.
  too_slow,               ///< It missed a deadline.
  too_large,              ///< Its request is.
  handshake,              ///< No TLS came about.
  client_certificate,     ///< It has none, or one that is not accepted.
  no_password,            ///< It did not say who it is.
  wrong_password,         ///< Or there is no such user.
  too_many_logins,        ///< As many passwords wait to be compared as may.
};
constexpr std::array<std::string_view, 10> kRefusalNames{"too_many_from_address",
                                                         "pushed_out",
                                                         "too_many_answers",
                                                         "too_slow",
                                                         "too_large",
                                                         "handshake",
                                                         "client_certificate",
                                                         "no_password",
                                                         "wrong_password",
                                                         "too_many_logins"};
static_assert(kRefusalNames[static_cast<std::size_t>(Refusal::too_many_logins)] ==
              "too_many_logins");

constexpr std::string_view name(Refusal refusal) {
  return kRefusalNames.at(static_cast<std::size_t>(refusal));
}

/// The address of all who come by a unix socket.
constexpr std::string_view kUnixAddress = "unix";

struct ConnectionLimits {
  std::uint32_t connections = 512;
  std::uint32_t per_address = 64;
  std::uint32_t answers = 40;                     ///< On their way at once.
  std::chrono::milliseconds request_time{10000};  ///< To send a request, or a handshake.
  std::chrono::milliseconds answer_time{60000};   ///< To read an answer.
  std::chrono::milliseconds prompt_time{10000};   ///< Answers that take longer make room.
  std::chrono::milliseconds idle_time{150000};    ///< Between an answer and the next request.

  bool operator==(const ConnectionLimits&) const = default;
};

/// Who is connected to any listener, what it is at, and until when. Where there is no room, whoever
/// comes takes the place of the address that has most. Time is an argument. Threads: any.
class Connections {
 public:
  using Id = std::uint64_t;
  using Tell = std::function<void(Refusal, const std::string& address, const std::string& detail)>;

  /// @param tell  hears of every client that is sent away; called without the lock.
  Connections(ConnectionLimits limits, Tell tell) : limits_(limits), tell_(std::move(tell)) {}

  void set_limits(ConnectionLimits limits);

  /// Whether one more may come from there.
  [[nodiscard]] bool admits(const std::string& address);

  /// Somebody came, and has to say what it wants.
  /// @param cut  ends the connection, so that it leaves; called with the lock held, and never after
  ///             leave().
  Id enter(const std::string& address, Mono now, std::function<void()> cut);
  void leave(Id id);

  /// Its request has begun.
  void asks(Id id, Mono now);
  /// Its request is whole; it waits for us.
  void waits(Id id);
  /// A few words are on their way to it.
  void hears(Id id, Mono now);
  /// Its answer is on its way from now. @return whether there was room for that.
  [[nodiscard]] bool reads(Id id, Mono now);
  /// Its answer was sent, and it may ask again.
  void rests(Id id, Mono now);

  /// It is sent away for another reason. Nothing is told of who was cut off: that was told.
  /// @param detail  for the log; never a secret.
  void refuse(Id id, Refusal why, const std::string& detail = "");

  /// Cuts off who missed a deadline.
  void sweep(Mono now);

  [[nodiscard]] std::size_t size() const;

 private:
  enum class Phase : std::uint8_t { asks, waits, reads, rests };
  struct Connection {
    std::string address{};
    Phase phase = Phase::asks;
    Mono since{};
    Mono deadline = Mono::max();
    bool turn = false;  ///< Counts among the answers.
    bool gone = false;  ///< Was cut off, and has not left yet.
    std::function<void()> cut{};
  };
  using Told = std::vector<std::pair<Refusal, std::string>>;

  using Time = std::chrono::milliseconds ConnectionLimits::*;
  void put(Id id, Phase phase, Mono since, Time time);
  void end(Connection& connection, Refusal why, Told& told);
  [[nodiscard]] Connection* longest(bool turns);
  [[nodiscard]] std::map<std::string, std::size_t> counts(bool turns) const;
  void tell(const Told& told) const;

  mutable std::mutex mutex_{};
  ConnectionLimits limits_;
  Tell tell_;
  Id next_ = 1;
  std::map<Id, Connection> all_{};
};

}  // namespace serverless::daemon
