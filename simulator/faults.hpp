#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "simulator/flood.hpp"
#include "simulator/provider.hpp"

namespace simulator {

enum class FaultKind {
  status,
  rate_limited,
  auth,
  slow_first_byte,
  drip,
  hang,
  reset,
  truncated,
  short_body,
  wrong_shape,
  wrapped,
  html,
  empty,
  huge,
  wrong_content_type,
  views_disagree,
  malformed_worker,
  error_200,
  deep,
  invalid_utf8,
  duplicate_keys,
  redirect,
  gone,
  nan,
  empty_list,
  lagging,
  numbers,
  raw,
  gzip_bomb,
  rows
};
inline constexpr FaultKind kLastFaultKind = FaultKind::rows;

std::string_view name_of(FaultKind kind);
std::optional<FaultKind> fault_kind(std::string_view name);

/// Which requests are hit, and by what.
struct FaultRule {
  int id = 0;
  std::string host = "*";  ///< A provider's host, or "*".
  std::string path{};      ///< Part of the path; empty: any.
  std::string endpoint{};  ///< Id in the path or the body; empty: any.
  FaultKind kind = FaultKind::status;
  double probability = 1;
  std::optional<std::int64_t> left{};  ///< How many more it will hit; empty: unlimited.
  std::int64_t hits = 0;
  Query parameters{};  ///< As given; each kind knows its own.
};

/// How a reply goes out.
struct Delivery {
  enum class Manner { plain, hang, reset, drip, short_body, huge, flood };

  Reply reply{};
  Manner manner = Manner::plain;
  double delay_s = 0;                ///< Before the first byte.
  double bytes_per_second = 0;       ///< Of a drip, or of a flood; 0 there: as fast as it goes.
  std::uint64_t promised_bytes = 0;  ///< Content-Length of a short or a huge body.
  Flood flood{};                     ///< In place of the reply.
  std::string_view fault{};          ///< The kind that hit it; empty: none.
};

/// The faults that tests have asked for. Any thread may call.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : seed_(seed) {}
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  /// @return the rule's id, or what is wrong with the query.
  std::variant<int, std::string> add(const Query& query);
  bool remove(int id);
  void clear();
  [[nodiscard]] std::string list() const;
  /// The first rule that matches, in order of age; counts the hit.
  std::optional<FaultRule> pick(const Request& request);

 private:
  mutable std::mutex mutex_;
  std::uint64_t seed_ = 0;
  std::uint64_t throws_ = 0;
  int last_id_ = 0;
  std::vector<FaultRule> rules_;
};

/// A reply that takes the place of the provider's; empty for kinds that change or delay its own.
std::optional<Reply> replacement(const FaultRule& rule, const Provider& provider);

/// What the provider itself has to write otherwise.
Twist twist_of(const FaultRule& rule);

/// Changes the provider's own reply and says how it goes out.
Delivery spoiled(const FaultRule& rule, Reply reply);

}  // namespace simulator
