#include "tests/chaos/truth.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

namespace chaos {
namespace {

using simdjson::dom::element;

// Whole seconds on the wire, and a look that takes a moment.
constexpr double kUptimeTolerance = 1.5;

std::string text(element value) {
  return value.is_string() ? std::string(value.get_string().value())
                           : std::to_string(value.get_int64().value());
}

double number(element value) {
  return value.is_int64() ? static_cast<double>(value.get_int64().value())
                          : value.get_double().value();
}

std::string lower(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

}  // namespace

void Truth::extend(std::vector<Span>& spans, std::string_view value) const {
  const std::size_t now = times_.size() - 1;
  if (!spans.empty() && spans.back().last + 1 == now && spans.back().value == value) {
    spans.back().last = now;
  } else {
    spans.push_back({.first = now, .last = now, .value = std::string(value)});
  }
}

double Truth::look(const std::string& json, std::string_view api) {
  thread_local simdjson::dom::parser parser;
  const element root = parser.parse(json);
  times_.push_back(number(root["unix_time"]));
  const double now = times_.back();
  const bool runpod = api.starts_with("runpod");
  for (const element endpoint : root["apis"][api]["endpoints"]) {
    auto& known = endpoints_[api == "den" ? "den" : text(endpoint["id"])];
    if (runpod) {
      const element jobs = endpoint["jobs"];
      // The place in the list is the look.
      known.jobs.resize(times_.size() - 1);
      known.jobs.push_back({.completed = number(jobs["completed"]),
                            .failed = number(jobs["failed"]),
                            .retried = number(jobs["retried"])});
      extend(known.in_queue, fmt::format("{}", number(jobs["in_queue"])));
    }
    for (const element each : endpoint["workers"]) {
      auto& worker = known.workers[text(each["id"])];
      extend(worker.there, "");
      extend(worker.status, lower(text(each["status"])));
      if (runpod) {
        extend(worker.stale, each["stale"].get_bool().value() ? "1" : "0");
        const double uptime = number(each["uptime_seconds"]);
        if (uptime <= 0) continue;
        const bool same =
            !worker.up_since.empty() &&
            std::abs(std::stod(worker.up_since.back().value) - (now - uptime)) < kUptimeTolerance;
        extend(worker.up_since,
               same ? worker.up_since.back().value : fmt::format("{:.3f}", now - uptime));
      } else if (api == "vast") {
        extend(worker.load, fmt::format("{}", number(each["cur_load"])));
      }
    }
  }
  return now;
}

const EndpointTruth* Truth::find(const std::string& endpoint) const {
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? nullptr : &found->second;
}

// It may have begun just after the look before, and ended just before the look after.
bool Truth::meets(const Span& span, double from, double to) const {
  const bool begun = span.first == 0 || times_[span.first - 1] < to;
  const bool lasts = span.last + 1 >= times_.size() || times_[span.last + 1] > from;
  return begun && lasts;
}

bool Truth::ever(const std::vector<Span>& spans, double from, double to) const {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& span) { return meets(span, from, to); });
}

bool Truth::ever(const std::vector<Span>& spans, std::string_view value, double from,
                 double to) const {
  return std::any_of(spans.begin(), spans.end(), [&](const Span& span) {
    return span.value == value && meets(span, from, to);
  });
}

bool Truth::always(const std::vector<Span>& spans, double from, double to) const {
  return std::any_of(spans.begin(), spans.end(), [&](const Span& span) {
    return times_[span.first] <= from && times_[span.last] >= to;
  });
}

bool Truth::up_for(const WorkerTruth& worker, double seconds, double from, double to) const {
  return std::any_of(worker.up_since.begin(), worker.up_since.end(), [&](const Span& span) {
    const double moment = std::stod(span.value) + seconds;
    return moment > from - kUptimeTolerance && moment < to + kUptimeTolerance;
  });
}

bool Truth::counted(const EndpointTruth& endpoint, double JobsTruth::*counter, double value,
                    double from, double to) const {
  const auto& jobs = endpoint.jobs;
  const auto after = std::upper_bound(times_.begin(), times_.end(), from) - times_.begin();
  const auto least = static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - 1, 0));
  const auto most =
      static_cast<std::size_t>(std::lower_bound(times_.begin(), times_.end(), to) - times_.begin());
  if (least < jobs.size() && value < jobs[least].*counter) return false;
  return most >= jobs.size() || value <= jobs[most].*counter;
}

std::size_t Truth::vanished() const {
  std::size_t count = 0;
  for (const auto& [id, endpoint] : endpoints_) {
    for (const auto& [worker, truth] : endpoint.workers) {
      for (const auto& span : truth.there) count += span.last + 1 < times_.size() ? 1 : 0;
    }
  }
  return count;
}

}  // namespace chaos
