#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "tests/bench/peers/prometheus_cpp/publish.hpp"

namespace peer {
namespace {

using prometheus::Gauge;
using prometheus::Labels;

// A worker's gauges, so that none is looked up by its labels again.
struct Gauges {
  std::array<Gauge*, kJobs> of{};
  std::string status{};
  std::string facts{};
};

class RegistryPublisher final : public Publisher {
 public:
  RegistryPublisher() {
    for (const auto& family : families()) {
      if (family.counter) {
        counters_.push_back(
            &prometheus::BuildCounter().Name(family.name).Help(family.help).Register(*registry_));
      } else {
        gauges_.push_back(
            &prometheus::BuildGauge().Name(family.name).Help(family.help).Register(*registry_));
      }
    }
  }

  void take(Snapshot snapshot) override {
    const std::lock_guard lock(mutex_);
    auto& before = workers_[snapshot.endpoint.provider + "/" + snapshot.endpoint.id];
    std::unordered_map<std::string, Gauges> after;
    after.reserve(snapshot.workers.size());
    const Labels base{{"provider", snapshot.endpoint.provider},
                      {"account", "bench"},
                      {"endpoint_id", snapshot.endpoint.id}};
    for (const auto& worker : snapshot.workers) {
      auto known = before.extract(worker.id);
      Gauges gauges = known ? std::move(known.mapped()) : Gauges{};
      update(gauges, worker, base);
      after.insert_or_assign(worker.id, std::move(gauges));
    }
    for (auto& [id, gauges] : before) remove(gauges);
    before = std::move(after);
    if (snapshot.jobs) update(*snapshot.jobs, base);
  }

  void expose(prometheus::Exposer& exposer) override { exposer.RegisterCollectable(registry_); }

 private:
  void drop(Gauge*& gauge, std::size_t family) {
    if (gauge != nullptr) gauges_[family]->Remove(gauge);
    gauge = nullptr;
  }

  void remove(Gauges& gauges) {
    for (std::size_t i = 0; i < kJobs; ++i) drop(gauges.of[i], i);
  }

  void update(Gauges& gauges, const Worker& worker, Labels labels) {
    labels.emplace("worker_id", worker.id);
    auto facts = worker.gpu + '\n' + worker.location + '\n' + worker.version;
    if (gauges.of[kInfo] == nullptr || gauges.facts != facts) {
      drop(gauges.of[kInfo], kInfo);
      auto own = labels;
      own.emplace("gpu_type", worker.gpu);
      own.emplace("location", worker.location);
      own.emplace("version", worker.version);
      gauges.of[kInfo] = &gauges_[kInfo]->Add(own);
      gauges.of[kInfo]->Set(1);
      gauges.facts = std::move(facts);
    }
    if (gauges.of[kStatus] == nullptr || gauges.status != worker.status) {
      drop(gauges.of[kStatus], kStatus);
      auto own = labels;
      own.emplace("status", worker.status);
      gauges.of[kStatus] = &gauges_[kStatus]->Add(own);
      gauges.of[kStatus]->Set(1);
      gauges.status = worker.status;
    }
    std::array<bool, kJobs> reported{};
    for_each_number(worker, [&](std::size_t family, double value) {
      auto*& gauge = gauges.of[family];
      if (gauge == nullptr) gauge = &gauges_[family]->Add(labels);
      gauge->Set(value);
      reported[family] = true;
    });
    for (std::size_t i = kStale; i < kJobs; ++i) {
      if (!reported[i]) drop(gauges.of[i], i);
    }
  }

  // Few: looked up by their labels.
  void update(const Jobs& jobs, const Labels& labels) {
    for_each_number(jobs, [&](std::size_t family, double value) {
      if (!families()[family].counter) {
        gauges_[family]->Add(labels).Set(value);
        return;
      }
      auto& counter = counters_[family - gauges_.size()]->Add(labels);
      counter.Increment(value - counter.Value());
    });
  }

  std::mutex mutex_{};
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  // By family; those of counters come behind the others.
  std::vector<prometheus::Family<Gauge>*> gauges_{};
  std::vector<prometheus::Family<prometheus::Counter>*> counters_{};
  std::unordered_map<std::string, std::unordered_map<std::string, Gauges>> workers_{};
};

}  // namespace

std::unique_ptr<Publisher> make_registry_publisher() {
  return std::make_unique<RegistryPublisher>();
}

}  // namespace peer
