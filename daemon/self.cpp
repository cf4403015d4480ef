#include "daemon/self.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "daemon/metrics.hpp"
#include "daemon/process.hpp"

namespace serverless::daemon {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

const prometheus::Histogram::BucketBoundaries kScrapeBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                             0.025,  0.05,  0.1,    0.25,  1.0};

std::string help_of(const std::string& name) {
  const Row* row = find_row(name);
  if (row == nullptr) throw std::logic_error(name + " is not in the table of metrics");
  return std::string(row->help);
}

auto& gauges(prometheus::Registry& registry, const std::string& name) {
  return prometheus::BuildGauge().Name(name).Help(help_of(name)).Register(registry);
}

MetricFamily family(const std::string& name, std::optional<double> value) {
  const Row* row = find_row(name);
  MetricFamily result;
  result.name = name;
  result.help = help_of(name);
  const bool counter = row->type == MetricType::counter;
  result.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  if (value) {
    ClientMetric metric;
    (counter ? metric.counter.value : metric.gauge.value) = *value;
    result.metric.push_back(std::move(metric));
  }
  return result;
}

// prometheus-cpp's counters only grow by increments; these are read, not counted.
std::vector<MetricFamily> process_families() {
  const ProcessFacts facts = read_process();
  return {family("process_cpu_seconds_total", facts.cpu_seconds),
          family("process_open_fds", facts.open_fds),
          family("process_max_fds", facts.max_fds),
          family("process_virtual_memory_bytes", facts.virtual_bytes),
          family("process_virtual_memory_max_bytes", facts.virtual_max_bytes),
          family("process_resident_memory_bytes", facts.resident_bytes),
          family("process_start_time_seconds", facts.start_time_seconds),
          family("process_network_receive_bytes_total", facts.network_receive_bytes),
          family("process_network_transmit_bytes_total", facts.network_transmit_bytes)};
}

std::size_t count_samples(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (end > at && text[at] != '#') ++count;
    at = end + 1;
  }
  return count;
}

}  // namespace

struct SelfMetrics::Instruments {
  prometheus::Registry registry{};
  prometheus::Family<prometheus::Gauge>& build_info =
      gauges(registry, "serverless_exporter_build_info");
  prometheus::Gauge& reload_successful =
      gauges(registry, "serverless_exporter_config_last_reload_successful").Add({});
  prometheus::Gauge& reload_time =
      gauges(registry, "serverless_exporter_config_last_reload_success_timestamp_seconds").Add({});
  prometheus::Gauge& series = gauges(registry, "serverless_exporter_series").Add({});
  prometheus::Gauge& page_bytes =
      gauges(registry, "serverless_exporter_page_bytes").Add({{"encoding", "identity"}});
  prometheus::Family<prometheus::Counter>& scrapes =
      prometheus::BuildCounter()
          .Name("serverless_exporter_scrapes_total")
          .Help(help_of("serverless_exporter_scrapes_total"))
          .Register(registry);
  prometheus::Histogram& duration =
      prometheus::BuildHistogram()
          .Name("serverless_exporter_scrape_duration_seconds")
          .Help(help_of("serverless_exporter_scrape_duration_seconds"))
          .Register(registry)
          .Add({}, kScrapeBuckets);
};

SelfMetrics::SelfMetrics() : instruments_(std::make_unique<Instruments>()) {
  instruments_->build_info
      .Add({{"version", version()}, {"revision", revision()}, {"compiler", "g++ " __VERSION__}})
      .Set(1);
  for (const char* code : {"200", "503"}) instruments_->scrapes.Add({{"code", code}});
}

SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::note_reload(bool successful, double when) {
  instruments_->reload_successful.Set(successful ? 1 : 0);
  if (successful) instruments_->reload_time.Set(when);
}

void SelfMetrics::count_scrape(int code) {
  instruments_->scrapes.Add({{"code", std::to_string(code)}}).Increment();
}

void SelfMetrics::observe_page(double seconds, std::size_t bytes, std::size_t series) {
  instruments_->duration.Observe(seconds);
  instruments_->page_bytes.Set(static_cast<double>(bytes));
  instruments_->series.Set(static_cast<double>(series));
}

SelfMetrics::Text SelfMetrics::text() const {
  auto families = instruments_->registry.Collect();
  for (auto& process : process_families()) {
    if (!process.metric.empty()) families.push_back(std::move(process));
  }
  Text result{.text = prometheus::TextSerializer().Serialize(families)};
  result.series = count_samples(result.text);
  return result;
}

std::string version() { return SERVERLESS_VERSION; }
std::string revision() { return SERVERLESS_REVISION; }

}  // namespace serverless::daemon
