#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "simulator/fleet.hpp"
#include "tests/chaos/history.hpp"
#include "tests/chaos/recording.hpp"
#include "tests/chaos/truth.hpp"
#include "tests/e2e/page_fixture.hpp"

namespace chaos {

/// What the checker found, by sort.
class Findings {
 public:
  void add(const std::string& sort, double time, const std::string& what);
  [[nodiscard]] std::size_t total() const { return total_; }
  [[nodiscard]] std::string text(double begun) const;

 private:
  struct Finding {
    double time = 0;
    std::string what{};
  };
  std::map<std::string, std::pair<std::size_t, std::vector<Finding>>> by_sort_{};
  std::size_t total_ = 0;
};

/// One account: what it is, what its provider held and what happened to it.
struct AccountCase {
  History history{};
  Truth truth{};
  std::string api{};
  simulator::Shape fleet{};  ///< For what came and went between two looks.
};
using Cases = std::map<std::string, AccountCase>;

/// Which sources each family rests on, as docs/metrics.md says. All of them have to be fresh.
using Sources = std::map<std::string, std::set<std::string>, std::less<>>;
/// @throw std::runtime_error when that is no such document.
Sources read_sources(const std::string& document);

/// Holds one page after another to what is known.
class Judge {
 public:
  Judge(const Cases& cases, const Stalls& stalls, Sources sources, Findings& findings)
      : cases_(cases), stalls_(stalls), sources_(std::move(sources)), findings_(findings) {}

  void judge(const Record& page);

  struct Counts {
    std::uint64_t pages = 0;
    std::uint64_t samples = 0;
    std::uint64_t values = 0;    ///< Held to the truth.
    std::uint64_t counters = 0;  ///< Held to the page before.
    std::uint64_t clean = 0;     ///< Endpoints on pages that had to be there and in time...
    std::uint64_t faulty = 0;    ///< ...and those that had a fault.
    std::uint64_t expired = 0;   ///< Of these, those whose workers were withdrawn.
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Moment {
    double begun = 0;
    double ended = 0;
  };
  /// The samples of one endpoint on one page.
  using Samples = std::vector<const e2e::Sample*>;

  void judge_endpoint(const AccountCase& account, const std::string& endpoint,
                      const Samples& samples);
  void judge_age(const AccountCase& account, const std::string& endpoint, const Samples& samples);
  void judge_values(const AccountCase& account, const std::string& endpoint,
                    const Samples& samples);
  void judge_workers(const AccountCase& account, const std::string& endpoint,
                     const Samples& samples);
  void judge_presence(const AccountCase& account, const std::string& endpoint,
                      const Samples& samples);
  /// @return what is wrong; empty: nothing.
  [[nodiscard]] std::string wrong_worker(const AccountCase& account, const Truth& truth,
                                         const Subject& subject, const e2e::Sample& sample) const;
  [[nodiscard]] std::string wrong_queue(const AccountCase& account, const Truth& truth,
                                        const Subject& subject, const e2e::Sample& sample) const;
  /// What the account held from `from` to now, by looks that miss nothing. Nothing once too
  /// much was wrong.
  const Truth* finer(const AccountCase& account, double from);
  void judge_counters(const e2e::Page& page);
  /// How old what a source tells may be: less where nothing was in its way.
  [[nodiscard]] double oldest(const AccountCase& account, const Subject& subject) const;
  /// What may be, or what the page itself promises, where that is less.
  [[nodiscard]] double max_age(const AccountCase& account, const Subject& subject) const;
  void find(const std::string& sort, const std::string& what);

  const Cases& cases_;
  const Stalls& stalls_;
  Sources sources_;
  Findings& findings_;
  Counts counts_{};
  Moment now_{};
  mutable std::map<std::string, double>
      oldest_{};                             ///< What was found for this endpoint, by source.
  std::map<std::string, double> claimed_{};  ///< The page's max age of this endpoint, by source.
  std::unordered_map<std::string, double> counters_{};
  double counted_ = 0;
  struct Finer {
    double page = 0;
    double from = 0;
    Truth truth{};
  };
  std::map<std::string, Finer> finer_{};  ///< By account.
  int wrong_ = 0;
};

}  // namespace chaos
