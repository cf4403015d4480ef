#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "collectors/error.hpp"
#include "collectors/timestamp.hpp"

namespace serverless::daemon {

/// Keeps requests that share a quota apart, across accounts: the last word, whatever was planned.
/// Threads: any.
class Gate {
 public:
  /// Books the next turn of `group`'s `operation`.
  /// @return when the request may go out; or rate_limited while the API or the operation is closed.
  Result<Mono> book(const std::string& group, const std::string& api, const std::string& operation,
                    std::chrono::milliseconds gap, Mono now);

  /// The turn that was booked has come. One that went out late, because the machine was busy, holds
  /// up the next: the provider counts from what it saw. @return `now`: the request goes out; a
  /// later moment: ask again then; rate_limited if all was closed meanwhile, by who was refused.
  Result<Mono> depart(const std::string& group, const std::string& api,
                      const std::string& operation, std::chrono::milliseconds gap, Mono turn,
                      Mono now);

  /// Nobody will ask in that turn: who books next may have it, instead of one behind all that a
  /// reload ended.
  void give_back(const std::string& group, const std::string& operation, Mono turn);

  /// No request before `until`. @param scope an API or an operation.
  void close(const std::string& group, const std::string& scope, Mono until);

 private:
  std::optional<Error> refusal(const std::string& group, const std::string& api,
                               const std::string& operation, Mono now) const;

  std::mutex mutex_{};
  /// Before one operation.
  struct Line {
    std::set<Mono> waiting{};        ///< Turns that are booked and have not come.
    std::optional<Mono> last{};      ///< The latest turn that was used...
    std::optional<Mono> departed{};  ///< ...and when its request went out.
  };
  std::map<std::string, Line> lines_{};
  std::map<std::string, Mono> closed_{};
};

}  // namespace serverless::daemon
