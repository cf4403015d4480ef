#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "tests/bench/peers/prometheus_cpp/publish.hpp"

namespace peer {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

class Latest final : public prometheus::Collectable {
 public:
  void take(Snapshot snapshot) {
    const std::lock_guard lock(mutex_);
    auto name = snapshot.endpoint.provider + "/" + snapshot.endpoint.id;
    endpoints_.insert_or_assign(std::move(name), std::move(snapshot));
  }

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> result;
    for (const auto& family : families()) {
      MetricFamily one;
      one.name = family.name;
      one.help = family.help;
      one.type = family.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      result.push_back(std::move(one));
    }
    const std::lock_guard lock(mutex_);
    for (const auto& [name, snapshot] : endpoints_) collect(snapshot, result);
    return result;
  }

 private:
  static void collect(const Snapshot& snapshot, std::vector<MetricFamily>& out) {
    const std::vector<ClientMetric::Label> base{{"provider", snapshot.endpoint.provider},
                                                {"account", "bench"},
                                                {"endpoint_id", snapshot.endpoint.id}};
    for (const auto& worker : snapshot.workers) {
      auto labels = base;
      labels.push_back({"worker_id", worker.id});
      auto facts = labels;
      facts.push_back({"gpu_type", worker.gpu});
      facts.push_back({"location", worker.location});
      facts.push_back({"version", worker.version});
      add(out[kInfo], std::move(facts), 1);
      auto status = labels;
      status.push_back({"status", worker.status});
      add(out[kStatus], std::move(status), 1);
      for_each_number(worker,
                      [&](std::size_t family, double value) { add(out[family], labels, value); });
    }
    if (!snapshot.jobs) return;
    for_each_number(*snapshot.jobs,
                    [&](std::size_t family, double value) { add(out[family], base, value); });
  }

  static void add(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    const bool counter = family.type == prometheus::MetricType::Counter;
    (counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }

  mutable std::mutex mutex_{};
  std::map<std::string, Snapshot> endpoints_{};
};

class CollectablePublisher final : public Publisher {
 public:
  void take(Snapshot snapshot) override { latest_->take(std::move(snapshot)); }
  void expose(prometheus::Exposer& exposer) override { exposer.RegisterCollectable(latest_); }

 private:
  std::shared_ptr<Latest> latest_ = std::make_shared<Latest>();
};

}  // namespace

std::unique_ptr<Publisher> make_collectable_publisher() {
  return std::make_unique<CollectablePublisher>();
}

}  // namespace peer
