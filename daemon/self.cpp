#include "daemon/self.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "daemon/connections.hpp"
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

auto& counters(prometheus::Registry& registry, const std::string& name) {
  return prometheus::BuildCounter().Name(name).Help(help_of(name)).Register(registry);
}

auto& gauges(prometheus::Registry& registry, const std::string& name) {
  return prometheus::BuildGauge().Name(name).Help(help_of(name)).Register(registry);
}

using Labels = std::vector<ClientMetric::Label>;

MetricFamily family(const std::string& name, const std::vector<std::pair<Labels, double>>& values) {
  const Row* row = find_row(name);
  MetricFamily result;
  result.name = name;
  result.help = help_of(name);
  const bool counter = row->type == MetricType::counter;
  result.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  for (const auto& [labels, value] : values) {
    ClientMetric metric;
    metric.label = labels;
    (counter ? metric.counter.value : metric.gauge.value) = value;
    result.metric.push_back(std::move(metric));
  }
  return result;
}

MetricFamily family(const std::string& name, std::optional<double> value) {
  if (!value) return family(name, std::vector<std::pair<Labels, double>>{});
  return family(name, {{Labels{}, *value}});
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

// Made anew each time, as above: the cluster's threads have the values.
std::vector<MetricFamily> cluster_families(const ClusterStatus& cluster, Mono now) {
  const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
  const bool joined = cluster.holds_lease(now);
  std::optional<double> age;
  if (cluster.renewed) age = std::chrono::duration<double>(now - *cluster.renewed).count();
  return {
      family("serverless_exporter_cluster_info",
             {{{{"cluster_name", cluster.cluster}, {"member", cluster.self}}, 1}}),
      family("serverless_exporter_cluster_engine_up", cluster.engine_up ? 1 : 0),
      family("serverless_exporter_cluster_joined", joined ? 1 : 0),
      family("serverless_exporter_cluster_settled", cluster.settled ? 1 : 0),
      family("serverless_exporter_cluster_lease_age_seconds", age),
      family("serverless_exporter_cluster_members", number(cluster.members.size())),
      // Without a lease it has none, whatever was last heard of it.
      family("serverless_exporter_cluster_endpoints",
             joined ? number(cluster.endpoints_of(cluster.self)) : 0),
      family("serverless_exporter_cluster_endpoints_given_up_total", number(cluster.given_up)),
  };
}

// The lines of one metric of a family.
void write(const MetricFamily& family, const ClientMetric& metric, Samples& out) {
  std::string labels;
  for (const auto& label : metric.label) {
    if (!labels.empty()) labels += ',';
    labels += label_text({{label.name, label.value}});
  }
  out.set_base(labels);
  if (family.type != prometheus::MetricType::Histogram) {
    const bool counter = family.type == prometheus::MetricType::Counter;
    out.add(counter ? metric.counter.value : metric.gauge.value);
    return;
  }
  const auto& histogram = metric.histogram;
  for (const auto& bucket : histogram.bucket) {
    const bool last = std::isinf(bucket.upper_bound);
    out.add_part("_bucket", {{"le", last ? "+Inf" : format_bound(bucket.upper_bound)}},
                 static_cast<double>(bucket.cumulative_count));
  }
  out.add_part("_sum", {}, histogram.sample_sum);
  out.add_part("_count", {}, static_cast<double>(histogram.sample_count));
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
  prometheus::Family<prometheus::Gauge>& page_bytes =
      gauges(registry, "serverless_exporter_page_bytes");
  prometheus::Gauge& identity_bytes = page_bytes.Add({{"encoding", "identity"}});
  prometheus::Gauge& gzip_bytes = page_bytes.Add({{"encoding", "gzip"}});
  prometheus::Family<prometheus::Counter>& scrapes =
      counters(registry, "serverless_exporter_scrapes_total");
  prometheus::Family<prometheus::Counter>& refusals =
      counters(registry, "serverless_exporter_web_refusals_total");
  prometheus::Family<prometheus::Counter>& unreadable =
      counters(registry, "serverless_exporter_web_reload_failures_total");
  prometheus::Family<prometheus::Gauge>& readable =
      gauges(registry, "serverless_exporter_web_last_reload_successful");
  prometheus::Family<prometheus::Gauge>& certificates =
      gauges(registry, "serverless_exporter_web_certificate_not_after_timestamp_seconds");
  prometheus::Histogram& duration =
      prometheus::BuildHistogram()
          .Name("serverless_exporter_scrape_duration_seconds")
          .Help(help_of("serverless_exporter_scrape_duration_seconds"))
          .Register(registry)
          .Add({}, kScrapeBuckets);

  prometheus::Registry static_shard{};  ///< Not told by a member of a cluster.
  prometheus::Gauge& ordinal = gauges(static_shard, "serverless_exporter_shard_ordinal").Add({});
  prometheus::Gauge& shards = gauges(static_shard, "serverless_exporter_shards").Add({});
};

SelfMetrics::SelfMetrics() : instruments_(std::make_unique<Instruments>()) {
  instruments_->build_info
      .Add({{"version", version()}, {"revision", revision()}, {"compiler", "g++ " __VERSION__}})
      .Set(1);
  for (const char* code : {"200", "503"}) instruments_->scrapes.Add({{"code", code}});
  for (const char* part : {"tls", "users"}) instruments_->unreadable.Add({{"part", part}});
  for (const auto reason : kRefusalNames) {
    instruments_->refusals.Add({{"reason", std::string(reason)}});
  }
}

SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::note_reload(bool successful, double when) {
  instruments_->reload_successful.Set(successful ? 1 : 0);
  if (successful) instruments_->reload_time.Set(when);
}

void SelfMetrics::note_members(const Members& members) {
  instruments_->ordinal.Set(static_cast<double>(members.self()));
  instruments_->shards.Set(static_cast<double>(members.size()));
}

void SelfMetrics::count_scrape(int code) {
  instruments_->scrapes.Add({{"code", std::to_string(code)}}).Increment();
}

void SelfMetrics::observe_duration(double seconds) { instruments_->duration.Observe(seconds); }

void SelfMetrics::count_refusal(std::string_view reason) {
  instruments_->refusals.Add({{"reason", std::string(reason)}}).Increment();
}

void SelfMetrics::note_files(std::string_view part, bool readable) {
  const prometheus::Labels labels{{"part", std::string(part)}};
  instruments_->readable.Add(labels).Set(readable ? 1 : 0);
  if (!readable) instruments_->unreadable.Add(labels).Increment();
}

void SelfMetrics::note_certificate(std::optional<double> not_after) {
  auto& gauge = instruments_->certificates.Add({});
  if (not_after) {
    gauge.Set(*not_after);
  } else {
    instruments_->certificates.Remove(&gauge);
  }
}

void SelfMetrics::observe_page(const Page& page) {
  instruments_->identity_bytes.Set(static_cast<double>(page.checksum.length));
  instruments_->gzip_bytes.Set(static_cast<double>(page.gzip_bytes()));
  instruments_->series.Set(static_cast<double>(page.series));
}

SelfMetrics::Text SelfMetrics::text(Format format, const Selection& selection,
                                    const ClusterStatus* cluster, Mono now) const {
  auto families = instruments_->registry.Collect();
  const auto append = [&families](std::vector<MetricFamily> more) {
    std::move(more.begin(), more.end(), std::back_inserter(families));
  };
  append(cluster == nullptr ? instruments_->static_shard.Collect()
                            : cluster_families(*cluster, now));
  append(process_families());
  Text result;
  for (const auto& family : families) {
    if (family.metric.empty() || !selection.has_family(family.name)) continue;
    const Row& row = *find_row(family.name);
    result.text += family_header(row, format);
    Samples samples(row.name, result.text);
    for (const auto& metric : family.metric) write(family, metric, samples);
    result.series += samples.count();
  }
  return result;
}

std::string version() { return SERVERLESS_VERSION; }
std::string revision() { return SERVERLESS_REVISION; }

}  // namespace serverless::daemon
