#include "tests/bench/peers/prometheus_cpp/fleet.hpp"

#include <curl/curl.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

namespace peer {
namespace {

using simdjson::dom::element;

constexpr int kInFlight = 8;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

/// A connection that is kept, and the parser of what comes over it.
class Connection {
 public:
  explicit Connection(const std::string& key)
      : headers_(curl_slist_append(nullptr, ("Authorization: Bearer " + key).c_str()),
                 curl_slist_free_all) {
    curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(curl_.get(), CURLOPT_USERAGENT, "prometheus_cpp_peer/1.0");
    curl_easy_setopt(curl_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(curl_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, &body_);
  }

  /// @param post  the body of a POST; empty: GET. @throw std::runtime_error
  element ask(const std::string& url, const std::string& post = {}) {
    body_.clear();
    curl_easy_setopt(curl_.get(), CURLOPT_URL, url.c_str());
    if (post.empty()) {
      curl_easy_setopt(curl_.get(), CURLOPT_HTTPGET, 1L);
    } else {
      curl_easy_setopt(curl_.get(), CURLOPT_COPYPOSTFIELDS, post.c_str());
    }
    const auto code = curl_easy_perform(curl_.get());
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) throw std::runtime_error(url + ": " + std::to_string(status));
    return parser_.parse(body_);
  }

 private:
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{curl_easy_init(), curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_;
  std::string body_{};
  simdjson::dom::parser parser_{};
};

std::optional<double> number(element object, std::string_view key) {
  double value = 0;
  if (object[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::string text(element object, std::string_view key) {
  std::string_view value;
  if (object[key].get(value) != simdjson::SUCCESS) return {};
  return std::string{value};
}

bool boolean(element object, std::string_view key) {
  bool value = false;
  return object[key].get(value) == simdjson::SUCCESS && value;
}

std::string lower(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

// "2026-08-12T15:57:16.123Z".
std::optional<double> iso_seconds(const std::string& stamp) {
  std::tm day{};
  double second = 0;
  if (std::sscanf(stamp.c_str(), "%4d-%2d-%2dT%2d:%2d:%lfZ", &day.tm_year, &day.tm_mon,
                  &day.tm_mday, &day.tm_hour, &day.tm_min, &second) != 6) {
    return std::nullopt;
  }
  day.tm_year -= 1900;
  day.tm_mon -= 1;
  return static_cast<double>(timegm(&day)) + second;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string runpod_status(const std::string& word) {
  if (is_one_of(word, {"running", "idle", "initializing", "throttled", "unhealthy"})) return word;
  return is_one_of(word, {"exited", "stopped"}) ? "stopped" : "unknown";
}

std::string vast_status(const std::string& word, std::optional<double> requests) {
  if (is_one_of(word, {"idle", "ready", "running", "update_ready"})) {
    if (!requests) return "active";
    return *requests > 0 ? "running" : "idle";
  }
  if (is_one_of(word, {"creating", "created", "pending", "loading", "model_loading", "starting",
                       "rebooting", "update_rebooting", "update_starting"})) {
    return "initializing";
  }
  if (is_one_of(word, {"error", "unavail", "exited", "offline"})) return "unhealthy";
  if (is_one_of(word, {"stopping", "stop_queued", "stopped", "destroying"})) return "stopped";
  return "unknown";
}

bool is_ready(std::string_view status) { return is_one_of(status, {"running", "idle", "active"}); }

Worker runpod_worker(element row) {
  Worker worker;
  worker.id = text(row, "id");
  worker.status = runpod_status(lower(text(row, "status")));
  worker.gpu = text(row, "gpuTypeId");
  worker.location = text(row, "dataCenterId");
  if (const auto version = number(row, "version")) {
    worker.version = std::to_string(static_cast<long>(*version));
  }
  worker.stale = boolean(row, "isStale");
  worker.uptime = number(row, "uptimeSeconds");
  worker.started = iso_seconds(text(row, "startedAt"));
  worker.gpus = number(row, "gpuCount");
  return worker;
}

std::optional<double> benchmarked(const Worker& worker, bool ready_ever) {
  if (!ready_ever && !worker.model_loaded && !is_ready(worker.status)) return 0;
  if (!worker.measured_perf || !worker.dlperf) return std::nullopt;
  return *worker.measured_perf != *worker.dlperf ? 1 : 0;
}

Worker vast_worker(element row, double now) {
  Worker worker;
  std::int64_t id = 0;
  if (row["id"].get(id) == simdjson::SUCCESS) worker.id = std::to_string(id);
  const auto word = lower(text(row, "status"));
  worker.requests_in_flight = number(row, "reqs_working");
  worker.status = vast_status(word, worker.requests_in_flight);
  worker.stale = word.starts_with("update_");
  worker.gpu = text(row, "gpu_name");
  worker.started = number(row, "started_at");
  worker.model_loaded = number(row, "loaded_at");
  if (worker.model_loaded == 0.0) worker.model_loaded.reset();
  if (worker.started && is_ready(worker.status)) worker.uptime = now - *worker.started;
  worker.cur_load = number(row, "cur_load");
  worker.new_load = number(row, "new_load");
  worker.cur_load_rolling_avg = number(row, "cur_load_rolling_avg");
  worker.cur_perf = number(row, "cur_perf");
  worker.perf = number(row, "perf");
  worker.measured_perf = number(row, "measured_perf");
  worker.dlperf = number(row, "dlperf");
  worker.reliability = number(row, "reliability");
  worker.benchmarked = benchmarked(worker, boolean(row, "ready_ever"));
  if (const auto gigabytes = number(row, "disk_usage")) worker.disk_usage_bytes = *gigabytes * 1e9;
  return worker;
}

Snapshot fetch(const Endpoint& endpoint, const std::string& simulator, Connection& connection) {
  Snapshot snapshot{.endpoint = endpoint};
  if (endpoint.provider == "vast") {
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    const simdjson::dom::array rows = connection.ask(simulator + "/vast-run/get_endpoint_workers/",
                                                     "{\"id\":" + endpoint.id + "}");
    for (const element row : rows) {
      snapshot.workers.push_back(vast_worker(row, now));
    }
    return snapshot;
  }
  const auto list =
      connection.ask(simulator + "/runpod-api/v2/serverless/" + endpoint.id + "/workers");
  const simdjson::dom::array rows = list["workers"];
  for (const element row : rows) {
    snapshot.workers.push_back(runpod_worker(row));
  }
  const element jobs =
      connection.ask(simulator + "/runpod-queue/v2/" + endpoint.id + "/health")["jobs"];
  snapshot.jobs = Jobs{.in_queue = number(jobs, "inQueue").value_or(0),
                       .in_progress = number(jobs, "inProgress").value_or(0),
                       .completed = number(jobs, "completed").value_or(0),
                       .failed = number(jobs, "failed").value_or(0),
                       .retried = number(jobs, "retried").value_or(0)};
  return snapshot;
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies{
      {"serverless_worker_info", "Static facts of the worker; always 1."},
      {"serverless_worker_status", "1 for the worker's status."},
      {"serverless_worker_stale", "1 if the worker is not what it should be."},
      {"serverless_worker_uptime_seconds", "How long the worker has been up."},
      {"serverless_worker_start_time_seconds", "When the worker last started. Unix time."},
      {"serverless_worker_gpus", "GPUs of the worker."},
      {"serverless_worker_model_loaded_timestamp_seconds", "When the model was loaded. Unix time."},
      {"serverless_worker_cur_load", "Current load."},
      {"serverless_worker_new_load", "Load received recently."},
      {"serverless_worker_cur_load_rolling_avg", "Rolling average of the current load."},
      {"serverless_worker_cur_perf", "Current performance."},
      {"serverless_worker_perf", "Measured performance times reliability."},
      {"serverless_worker_measured_perf", "Benchmarked performance."},
      {"serverless_worker_benchmarked", "1 if perf comes from a benchmark."},
      {"serverless_worker_dlperf_score", "DLPerf of the machine."},
      {"serverless_worker_reliability_ratio", "Reliability of the machine, 0 to 1."},
      {"serverless_worker_requests_in_flight", "Requests that the worker is at."},
      {"serverless_worker_disk_usage_bytes", "Disk used."},
      {"serverless_endpoint_jobs_in_queue", "Jobs that wait for a worker."},
      {"serverless_endpoint_jobs_in_progress", "Jobs that a worker is at."},
      {"serverless_endpoint_jobs_completed_total", "Jobs completed.", true},
      {"serverless_endpoint_jobs_failed_total", "Jobs failed.", true},
      {"serverless_endpoint_jobs_retried_total", "Jobs retried.", true}};
  return kFamilies;
}

void for_each_number(const Worker& worker, const std::function<void(std::size_t, double)>& visit) {
  visit(kStale, worker.stale ? 1 : 0);
  std::size_t index = kStale;
  for (const auto& value :
       {worker.uptime, worker.started, worker.gpus, worker.model_loaded, worker.cur_load,
        worker.new_load, worker.cur_load_rolling_avg, worker.cur_perf, worker.perf,
        worker.measured_perf, worker.benchmarked, worker.dlperf, worker.reliability,
        worker.requests_in_flight, worker.disk_usage_bytes}) {
    ++index;
    if (value) visit(index, *value);
  }
}

void for_each_number(const Jobs& jobs, const std::function<void(std::size_t, double)>& visit) {
  std::size_t index = kJobs;
  for (const double value :
       {jobs.in_queue, jobs.in_progress, jobs.completed, jobs.failed, jobs.retried}) {
    visit(index++, value);
  }
}

Poller::Poller(std::string simulator, std::string key, const std::string& fleet_file,
               std::function<void(Snapshot)> take)
    : simulator_(std::move(simulator)), key_(std::move(key)), take_(std::move(take)) {
  std::ifstream file(fleet_file);
  for (Endpoint endpoint; file >> endpoint.provider >> endpoint.id;) {
    endpoints_.push_back(endpoint);
  }
  if (endpoints_.empty()) throw std::runtime_error("no endpoints in " + fleet_file);
}

void Poller::poll() {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> failed{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kInFlight; ++i) threads.emplace_back([&] { work(next, failed); });
  threads.clear();
  if (failed > 0) throw std::runtime_error(std::to_string(failed) + " endpoints failed");
}

void Poller::work(std::atomic<std::size_t>& next, std::atomic<std::size_t>& failed) const {
  Connection connection(key_);
  for (std::size_t i = next++; i < endpoints_.size(); i = next++) {
    try {
      take_(fetch(endpoints_[i], simulator_, connection));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", endpoints_[i].id.c_str(), error.what());
      ++failed;
    }
  }
}

}  // namespace peer
