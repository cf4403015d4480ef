#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

/// What stood from one look to another.
struct Span {
  std::size_t first = 0;  ///< The first look that saw it...
  std::size_t last = 0;   ///< ...and the last.
  std::string value{};
};

/// One worker as its provider held it.
struct WorkerTruth {
  std::vector<Span> there{};
  std::vector<Span> status{};  ///< The provider's word, in lower case.
  std::vector<Span> stale{};   ///< RunPod.
  std::vector<Span> load{};    ///< Vast.ai: cur_load.
  /// RunPod: when the worker came up, a span for each time.
  std::vector<Span> up_since{};
};

struct JobsTruth {
  double completed = 0;
  double failed = 0;
  double retried = 0;
};

struct EndpointTruth {
  std::map<std::string, WorkerTruth, std::less<>> workers{};
  std::vector<JobsTruth> jobs{};  ///< By look; of RunPod.
  std::vector<Span> in_queue{};
};

/// What one provider held at every moment, by looks at it some hundred milliseconds apart. Between
/// two looks either may be true.
class Truth {
 public:
  /// @param api its name in the simulator's words.
  /// @return when that look was by the provider's own clock.
  double look(const std::string& json, std::string_view api);

  [[nodiscard]] const EndpointTruth* find(const std::string& endpoint) const;

  /// Was it so at some moment of [from, to]?
  [[nodiscard]] bool ever(const std::vector<Span>& spans, double from, double to) const;
  [[nodiscard]] bool ever(const std::vector<Span>& spans, std::string_view value, double from,
                          double to) const;
  /// Was it so at every look in [from, to], which were some?
  [[nodiscard]] bool always(const std::vector<Span>& spans, double from, double to) const;
  /// Can a worker have been up for so long at some moment of [from, to]?
  [[nodiscard]] bool up_for(const WorkerTruth& worker, double seconds, double from,
                            double to) const;
  /// Can that job counter have been so at some moment of [from, to]?
  [[nodiscard]] bool counted(const EndpointTruth& endpoint, double JobsTruth::*counter,
                             double value, double from, double to) const;
  [[nodiscard]] std::size_t looks() const { return times_.size(); }
  /// How many workers it ceased to hold.
  [[nodiscard]] std::size_t vanished() const;

 private:
  void extend(std::vector<Span>& spans, std::string_view value) const;
  [[nodiscard]] bool meets(const Span& span, double from, double to) const;

  std::vector<double> times_{};
  std::map<std::string, EndpointTruth, std::less<>> endpoints_{};
};

}  // namespace chaos
