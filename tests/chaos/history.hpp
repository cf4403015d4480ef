#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chaos {

/// What an account's configuration says, from a moment on. Seconds.
struct Terms {
  double since = 0;
  bool present = true;
  double interval = 0;
  double timeout = 0;
  double max_age = 0;
  double discovery = 0;
};

/// A time in which nobody knows, or nobody may ask for, an answer.
struct Gap {
  double from = 0;
  double to = 0;
};

/// What became of a request, as far as the provider knows.
enum class Outcome {
  good,   ///< The right answer.
  maybe,  ///< The right answer in an unusual dress: the client may take it or not.
  bad,    ///< Nothing that a client could take for data.
};

struct Asked {
  double time = 0;
  Outcome outcome = Outcome::good;
  std::string fault{};
};

/// A source of one endpoint; of the account where the endpoint is empty.
using Subject = std::pair<std::string, std::string>;

/// When an endpoint's source was in good order, and where it was forgotten.
struct Course {
  struct Late {
    double time = 0;
    double since = 0;
    double allowed = 0;
  };
  std::vector<Gap> clean{};
  std::vector<Late> late{};

  /// Was it in good order all that time?
  [[nodiscard]] bool is_clean(double from, double to) const;
};

/// By how much the machine held everybody up.
class Stalls {
 public:
  void add(double from, double late);
  /// In [from, to], in all.
  [[nodiscard]] double within(double from, double to) const;
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] double longest() const { return longest_; }

 private:
  std::vector<std::pair<Gap, double>> stalls_{};
  double total_ = 0;
  double longest_ = 0;
};

/// Everything that happened to one account but for its pages.
class History {
 public:
  std::string name{};
  std::string provider{};
  std::vector<std::string> endpoints{};
  std::size_t workers = 0;        ///< Of an endpoint, at most.
  std::vector<Terms> terms{};     ///< In the order of time.
  std::vector<Gap> down{};        ///< Its provider did not live, or its log of that time is lost.
  std::vector<Gap> unknown{};     ///< It may have answered, and the log is lost.
  std::vector<Gap> rearranged{};  ///< A reload gave the account other terms.

  /// Takes the simulator's log.
  void take_requests(const std::string& json);
  /// Everything was taken: finds the courses. @param begun, ended of the run.
  void settle(double begun, double ended, const Stalls& stalls);

  [[nodiscard]] const Terms& terms_at(double time) const;
  /// The interval that a source can have by its account's terms and the provider's documented
  /// distances between requests: the longest in [from, to].
  [[nodiscard]] double interval(const std::string& source, double from, double to) const;
  /// The age after which what a source told may not be served: two intervals at least, and longer
  /// ones while its API's last word was that its quota is small.
  [[nodiscard]] double max_age(const std::string& source, double from, double to) const;
  /// Without an answer for so long an endpoint is late: interval, jitter and timeout.
  [[nodiscard]] double patience(const std::string& source, double from, double to) const;
  /// Can the source have told anything in [from, to]?
  [[nodiscard]] bool may_have_told(const Subject& subject, double from, double to) const;
  /// Did the fault hit a request for it in [from, to], or may it have before a kill?
  [[nodiscard]] bool was_hit(const Subject& subject, std::string_view fault, double from,
                             double to) const;
  /// Two answers in a row that the fault had made in [from, to].
  [[nodiscard]] bool was_hit_twice(const Subject& subject, std::string_view fault, double from,
                                   double to) const;
  [[nodiscard]] bool is_unknown(double from, double to) const;
  /// Nothing where that source is not watched.
  [[nodiscard]] const Course* course(const Subject& subject) const;
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

 private:
  [[nodiscard]] std::string host(const std::string& source) const;
  [[nodiscard]] std::vector<Gap> disturbances(const std::string& source) const;
  void note_pause(const std::string& host, long code, double time);
  /// By how much the API's small quota stretches its intervals in [from, to]; 1: not at all.
  [[nodiscard]] double stretch(const std::string& host, double from, double to) const;
  void settle_quota(const Stalls& stalls);
  void settle(const Subject& subject, double begun, double ended, const Stalls& stalls);

  std::map<Subject, std::vector<Asked>> asked_{};
  std::map<std::string, std::vector<Gap>> pauses_{};  ///< By host.
  std::map<std::string, int> refusals_{};             ///< In a row, by host.
  std::vector<double> emptied_{};                     ///< Empty lists of endpoints.
  std::map<double, bool> told_{};  ///< When RunPod told its quota; was it the small one?
  std::vector<Gap> narrow_{};      ///< Its last word was the small one.
  std::map<Subject, Course> courses_{};
  std::uint64_t requests_ = 0;
};

}  // namespace chaos
