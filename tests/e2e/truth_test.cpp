// The whole way from an API to the page, held against what the simulator itself says is true. What
// is expected is computed here from the documents, not by the exporter's code.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using simdjson::dom::element;

/// Series that must be there, and families of which nothing else may be there.
struct Expected {
  std::map<std::string, double> series{};
  /// Complete families, and the account whose series they are complete for.
  std::set<std::string> families{};
  Labels base{};

  void add(const std::string& name, Labels labels, double value) {
    labels.insert(base.begin(), base.end());
    families.insert(name);
    series[Sample{.name = name, .labels = std::move(labels), .value = 0}.series()] += value;
  }
};

std::string lower(std::string_view word) {
  std::string out(word);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

double number(element value) {
  return value.is_int64() ? static_cast<double>(value.get_int64().value())
                          : value.get_double().value();
}

std::string text(element value) {
  return value.is_string() ? std::string(value.get_string().value())
                           : std::to_string(value.get_int64().value());
}

const std::vector<std::string> kRunpodStatuses{"running",   "idle",      "active",  "initializing",
                                               "throttled", "unhealthy", "stopped", "unknown"};
const std::vector<std::string> kVastStatuses{"running",   "idle",    "active", "initializing",
                                             "unhealthy", "stopped", "unknown"};
const std::vector<std::string> kDenStatuses{"running",   "idle",    "initializing",
                                            "unhealthy", "stopped", "unknown"};
const std::vector<std::string> kShared{"running", "idle", "initializing", "throttled", "unhealthy"};

// ---- RunPod

void expect_queue(element endpoint, Expected& out) {
  const element jobs = endpoint["jobs"];
  out.add("serverless_endpoint_jobs_in_queue", {}, number(jobs["in_queue"]));
  out.add("serverless_endpoint_jobs_in_progress", {}, number(jobs["in_progress"]));
  out.add("serverless_endpoint_jobs_completed_total", {}, number(jobs["completed"]));
  out.add("serverless_endpoint_jobs_failed_total", {}, number(jobs["failed"]));
  out.add("serverless_endpoint_jobs_retried_total", {}, number(jobs["retried"]));
  for (const auto& status : kShared) {
    out.add("serverless_endpoint_reported_workers",
            {{"view", "queue"}, {"reported_status", status}}, number(endpoint["health"][status]));
  }
}

void expect_runpod_v2(element endpoint, Expected& out) {
  const element list = endpoint["list"];
  const element health = endpoint["health"];
  // The HELP's own words: running in the summary, and nothing in progress.
  const bool degraded = number(list["running"]) > 0 && number(endpoint["jobs"]["in_progress"]) == 0;
  bool disagree = false;
  for (const auto& status : kShared) {
    disagree = disagree || number(list[status]) != number(health[status]);
    out.add("serverless_endpoint_reported_workers",
            {{"view", "summary"}, {"reported_status", status}}, number(list[status]));
  }
  for (const auto& status : kRunpodStatuses) {
    out.add("serverless_endpoint_workers", {{"status", status}}, 0);
  }
  out.families.insert("serverless_endpoint_workers_native");
  double stale = 0;
  double ready = 0;
  for (const element worker : endpoint["workers"]) {
    const std::string word = lower(text(worker["status"]));
    std::string status = word == "exited" ? "stopped" : word;
    if (degraded && word == "running") status = "active";
    if (std::find(kRunpodStatuses.begin(), kRunpodStatuses.end(), status) ==
        kRunpodStatuses.end()) {
      status = "unknown";
    }
    if (status == "running" || status == "idle" || status == "active") ++ready;
    out.add("serverless_endpoint_workers", {{"status", status}}, 1);
    out.add("serverless_endpoint_workers_native", {{"native_status", word}}, 1);
    for (const auto& each : kRunpodStatuses) {
      out.add("serverless_worker_status", {{"worker_id", text(worker["id"])}, {"status", each}},
              each == status ? 1 : 0);
    }
    const bool is_stale = worker["stale"].get_bool().value();
    out.add("serverless_worker_stale", {{"worker_id", text(worker["id"])}}, is_stale ? 1 : 0);
    stale += is_stale ? 1 : 0;
  }
  out.add("serverless_endpoint_ready_workers", {}, ready);
  out.add("serverless_endpoint_status_degraded", {}, degraded ? 1 : 0);
  out.add("serverless_endpoint_listed_mismatch", {}, 0);
  out.add("all stale", {}, stale);
  out.add("views disagree", {}, disagree ? 1 : 0);
  expect_queue(endpoint, out);
}

void expect_runpod_v1(element endpoint, Expected& out) {
  std::map<std::string, double> counts;
  for (const auto& status : kShared) counts[status] = number(endpoint["health"][status]);
  double dollars = 0;
  out.families.insert("serverless_endpoint_workers_native");
  std::size_t stale = 0;
  for (const element worker : endpoint["workers"]) {
    const std::string word = lower(text(worker["status"]));
    if (word == "terminated") continue;
    const bool live = std::find(kShared.begin(), kShared.end(), word) != kShared.end();
    if (!live) ++counts[word == "exited" ? "stopped" : "unknown"];
    out.add("serverless_endpoint_workers_native", {{"native_status", live ? "running" : word}}, 1);
    stale += worker["stale"].get_bool().value() ? 1 : 0;
    if (word != "exited") dollars += number(worker["price_usd_per_hour"]);
  }
  for (const auto& status : kRunpodStatuses) {
    out.add("serverless_endpoint_workers", {{"status", status}}, counts[status]);
  }
  out.add("serverless_endpoint_ready_workers", {},
          counts["running"] + counts["idle"] + counts["active"]);
  out.add("serverless_endpoint_status_degraded", {}, 0);
  out.add("all stale", {}, static_cast<double>(stale));
  // Half of them are sold with a rebate of 7 %, which the truth does not tell.
  out.add("list price", {}, dollars);
  expect_queue(endpoint, out);
}

// ---- Vast.ai

std::string vast_status(const std::string& word, element working) {
  static const std::map<std::string, std::string> kTable{{"creating", "initializing"},
                                                         {"created", "initializing"},
                                                         {"pending", "initializing"},
                                                         {"loading", "initializing"},
                                                         {"model_loading", "initializing"},
                                                         {"starting", "initializing"},
                                                         {"rebooting", "initializing"},
                                                         {"update_rebooting", "initializing"},
                                                         {"update_starting", "initializing"},
                                                         {"error", "unhealthy"},
                                                         {"unavail", "unhealthy"},
                                                         {"exited", "unhealthy"},
                                                         {"offline", "unhealthy"},
                                                         {"stopping", "stopped"},
                                                         {"stop_queued", "stopped"},
                                                         {"stopped", "stopped"},
                                                         {"destroying", "stopped"}};
  if (word == "idle" || word == "ready" || word == "running" || word == "update_ready") {
    return working.is_null() ? "active" : number(working) > 0 ? "running" : "idle";
  }
  const auto found = kTable.find(word);
  return found == kTable.end() ? "unknown" : found->second;
}

void expect_vast(element endpoint, Expected& out) {
  double load = 0;
  double capacity = 0;
  double dollars = 0;
  double unpriced = 0;
  double ready = 0;
  double updating = 0;
  for (const auto& status : kVastStatuses) {
    out.add("serverless_endpoint_workers", {{"status", status}}, 0);
    for (const element group : endpoint["groups"]) {
      out.add("serverless_group_workers", {{"group_id", text(group)}, {"status", status}}, 0);
    }
  }
  out.families.insert("serverless_endpoint_workers_native");
  for (const element worker : endpoint["workers"]) {
    const Labels id{{"worker_id", text(worker["id"])}};
    const std::string word = lower(text(worker["status"]));
    const std::string status = vast_status(word, worker["reqs_working"]);
    const bool is_ready = status == "running" || status == "idle" || status == "active";
    const double measured = number(worker["measured_perf"]);
    const double reliability = number(worker["reliability"]);
    out.add("serverless_endpoint_workers", {{"status", status}}, 1);
    out.add("serverless_endpoint_workers_native", {{"native_status", word}}, 1);
    out.add("serverless_group_workers", {{"group_id", text(worker["group"])}, {"status", status}},
            1);
    out.add("serverless_worker_cur_load", id, number(worker["cur_load"]));
    out.add("serverless_worker_cur_perf", id, number(worker["cur_perf"]));
    out.add("serverless_worker_measured_perf", id, measured);
    out.add("serverless_worker_reliability_ratio", id, reliability);
    out.add("serverless_worker_dlperf_score", id, number(worker["dlperf"]));
    if (!worker["reqs_working"].is_null()) {
      out.add("serverless_worker_requests_in_flight", id, number(worker["reqs_working"]));
    }
    load += number(worker["cur_load"]);
    ready += is_ready ? 1 : 0;
    updating += word.starts_with("update_") ? 1 : 0;
    if (is_ready && measured != number(worker["dlperf"])) {
      capacity += std::round(measured * reliability * 100) / 100;
    }
    if (worker["instance"].get_bool().value()) {
      out.add("serverless_worker_cost_dollars_per_hour", id, number(worker["price_usd_per_hour"]));
      if (status != "stopped") dollars += number(worker["price_usd_per_hour"]);
    } else if (status != "stopped") {
      ++unpriced;
    }
  }
  out.add("serverless_endpoint_ready_workers", {}, ready);
  out.add("serverless_endpoint_load", {}, load);
  out.add("serverless_endpoint_capacity", {}, capacity);
  out.add("serverless_endpoint_cost_dollars_per_hour", {}, dollars);
  out.add("serverless_endpoint_cost_unpriced_workers", {}, unpriced);
  out.add("all stale", {}, updating);
}

// ---- Den

// 2026-11-20T12:00:00.000Z.
double den_time(element value) {
  std::tm parts{};
  const std::string stamp = text(value);
  strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return static_cast<double>(timegm(&parts));
}

void expect_den(element endpoint, double now, Expected& out) {
  for (const auto& status : kDenStatuses) {
    out.add("serverless_endpoint_workers", {{"status", status}}, 0);
  }
  out.families.insert("serverless_endpoint_workers_native");
  double silent = 0;
  for (const element worker : endpoint["workers"]) {
    if (text(worker["destination"]) == "local") continue;
    const std::string word = text(worker["status"]);
    std::string status = word == "provisioning" ? "initializing"
                         : word == "failed"     ? "unhealthy"
                         : word == "stopped"    ? "stopped"
                         : word == "healthy"    ? "idle"
                                                : "unknown";
    if (word == "healthy" && !worker["last_active_at"].is_null() &&
        now - den_time(worker["last_active_at"]) < 600) {
      status = "running";
    }
    if (word == "healthy" && !worker["last_heartbeat_at"].is_null() &&
        now - den_time(worker["last_heartbeat_at"]) > 900) {
      ++silent;
    }
    out.add("serverless_endpoint_workers", {{"status", status}}, 1);
    out.add("serverless_endpoint_workers_native", {{"native_status", word}}, 1);
    for (const auto& each : kDenStatuses) {
      out.add("serverless_worker_status", {{"worker_id", text(worker["id"])}, {"status", each}},
              each == status ? 1 : 0);
    }
  }
  out.add("all stale", {}, silent);
  out.add("serverless_endpoint_truncated", {}, 0);
}

// ---- comparing

bool close(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(1.0, std::abs(b)); }

// What is different, a line each.
std::string differences(const Page& page, const Expected& expected) {
  std::string out;
  const auto special = [&](const std::string& name) {
    const auto found = expected.series.find(Sample{.name = name, .labels = expected.base}.series());
    return found == expected.series.end() ? std::nullopt : std::optional(found->second);
  };
  if (const auto stale = special("all stale")) {
    const auto sum = page.sum("serverless_endpoint_stale_workers", expected.base);
    if (sum != stale) out += fmt::format("stale: {} not {}\n", sum.value_or(-1), *stale);
  }
  if (const auto differ = special("views disagree")) {
    const bool says =
        page.has("serverless_endpoint_views_disagree_since_timestamp_seconds", expected.base);
    if (says != (*differ == 1)) out += fmt::format("views disagree: {}\n", says);
  }
  if (const auto most = special("list price")) {
    const double sum =
        page.sum("serverless_endpoint_cost_dollars_per_hour", expected.base).value_or(-1);
    if (sum > *most + 1e-6 || sum < *most * 0.93 - 1e-6) {
      out += fmt::format("cost: {}, list price {}\n", sum, *most);
    }
  }
  std::map<std::string, double> seen;
  for (const auto& sample : page.samples()) {
    if (expected.families.contains(sample.name) && sample.has(expected.base)) {
      seen[sample.series()] = sample.value;
    }
  }
  for (const auto& [series, value] : expected.series) {
    if (!series.starts_with("serverless_")) continue;
    const auto found = seen.find(series);
    if (found == seen.end()) {
      out += fmt::format("{} is missing, expected {}\n", series, value);
    } else if (!close(found->second, value)) {
      out += fmt::format("{} is {}, expected {}\n", series, found->second, value);
    }
    if (found != seen.end()) seen.erase(found);
  }
  for (const auto& [series, value] : seen) {
    out += fmt::format("{} is {}, expected not to be there\n", series, value);
  }
  return out;
}

class Truth : public E2e {
 protected:
  using Expect = std::function<void(element, double, Expected&)>;

  std::string compare(const Simulator& simulator, const Exporter& exporter, std::string_view api,
                      const Labels& base, const Expect& expect) const {
    const Json truth = simulator.truth();
    const Page page = exporter.page();
    std::string out;
    for (const auto endpoint : truth.array(fmt::format("/apis/{}/endpoints", api))) {
      Expected expected{.base = base};
      expected.base.try_emplace("endpoint_id", text(endpoint["id"]));
      expect(endpoint, number(truth["/unix_time"]), expected);
      out += differences(page, expected);
    }
    return out;
  }

  /// Follows the frozen fleet through several of its moments.
  void follow(std::string_view provider, std::string_view api, const Labels& base,
              const std::vector<int>& jumps, const Expect& expect) {
    const Simulator simulator(workspace_, simulated({"--frozen", "--no-rate-limits"}));
    Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"1s\"\n" +
                                                   simulator.account("a", provider, key_file_)));
    const auto holds = [&](int jump) {
      std::string different = "nothing was compared";
      eventually(
          [&] {
            different = compare(simulator, exporter, api, base, expect);
            return different.empty();
          },
          kPatience, milliseconds{250});
      EXPECT_EQ(different, "") << "after a jump of " << jump << " s";
    };
    holds(0);
    for (const int jump : jumps) {
      simulator.admin("POST", fmt::format("advance?seconds={}", jump));
      holds(jump);
    }
    exporter.stop();
  }
};

TEST_F(Truth, RunpodsPageSaysWhatIsTrueAtEveryMoment) {
  follow("runpod", "runpod", {{"provider", "runpod"}, {"account", "a"}}, {20, 100, 33, 1000},
         [](element endpoint, double, Expected& out) { expect_runpod_v2(endpoint, out); });
}

TEST_F(Truth, RunpodV1sPageSaysWhatIsTrueAtEveryMoment) {
  follow("runpod-v1", "runpod-v1", {{"provider", "runpod"}, {"account", "a"}},
         {20, 31, 33, 37, 1000},
         [](element endpoint, double, Expected& out) { expect_runpod_v1(endpoint, out); });
}

TEST_F(Truth, VastsPageSaysWhatIsTrueAtEveryMoment) {
  follow("vast", "vast", {{"provider", "vast"}, {"account", "a"}}, {20, 40, 1000},
         [](element endpoint, double, Expected& out) { expect_vast(endpoint, out); });
}

TEST_F(Truth, DensPageSaysWhatIsTrueAndLeavesLocalWorkersOut) {
  follow("den", "den", {{"provider", "den"}, {"account", "a"}, {"endpoint_id", "a"}}, {},
         [](element endpoint, double now, Expected& out) { expect_den(endpoint, now, out); });
}

TEST_F(Truth, EverySeriesOfABigFleetIsThereOnce) {
  const Simulator simulator(workspace_, simulated({"--endpoints", "20", "--workers", "100",
                                                   "--frozen", "--no-rate-limits"}));
  Exporter exporter(workspace_, exporter_options("[poll]\ninterval = \"5s\"\n" +
                                                 simulator.account("a", "runpod", key_file_)));
  const Labels base{{"provider", "runpod"}, {"account", "a"}};
  std::string different;
  const auto expect = [](element endpoint, double, Expected& out) {
    expect_runpod_v2(endpoint, out);
  };
  eventually(
      [&] {
        different = compare(simulator, exporter, "runpod", base, expect);
        return different.empty();
      },
      kPatience * 2, milliseconds{1000});
  EXPECT_EQ(different, "");
  const Page page = exporter.page();
  EXPECT_GT(page.samples().size(), 25'000U);
  exporter.stop();
}

}  // namespace
}  // namespace e2e
