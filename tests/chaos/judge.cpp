#include "tests/chaos/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "simulator/world.hpp"

namespace chaos {
namespace {

using e2e::Sample;

constexpr std::size_t kShown = 8;
// Pages further apart may hide that a series was absent in between.
constexpr double kNextPage = 2.5;

// Hardly anything of the fleet lasts for less.
constexpr double kFinely = 0.02;
// With so many doubts that were none there is no doubt any more.
constexpr int kMostWrong = 10;

// Of the rows that malformed_worker adds.
constexpr std::array<std::string_view, 3> kMalformed{"odd0negative", "1", "wrk_odd"};

std::string trimmed(std::string text) {
  const auto first = text.find_first_not_of(" `");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" `") - first + 1);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// docs/providers.md: may a worker with that word of its provider have that status?
bool agrees(std::string_view provider, std::string_view word, std::string_view status) {
  if (provider == "runpod") {
    if (word == "running") return is_one_of(status, {"running", "active"});
    if (word == "exited") return status == "stopped";
    const bool known = is_one_of(word, {"idle", "initializing", "throttled", "unhealthy"});
    return status == (known ? word : "unknown");
  }
  if (provider == "runpod-v1") {
    // What the queue proves is of all of them, and may be of another moment.
    if (is_one_of(word, {"running", "idle", "initializing", "throttled", "unhealthy"})) {
      return is_one_of(status,
                       {"active", "running", "idle", "initializing", "throttled", "unhealthy"});
    }
    return status == (word == "exited" ? "stopped" : "unknown");
  }
  if (provider == "den") {
    if (word == "healthy") return is_one_of(status, {"running", "idle"});
    return status == (word == "provisioning" ? "initializing"
                      : word == "failed"     ? "unhealthy"
                      : word == "stopped"    ? "stopped"
                                             : "unknown");
  }
  if (is_one_of(word, {"idle", "ready", "running", "update_ready"})) {
    return is_one_of(status, {"running", "idle", "active"});
  }
  if (is_one_of(word, {"creating", "created", "pending", "loading", "model_loading", "starting",
                       "rebooting", "update_rebooting", "update_starting"})) {
    return status == "initializing";
  }
  if (is_one_of(word, {"error", "unavail", "exited", "offline"})) return status == "unhealthy";
  if (is_one_of(word, {"stopping", "stop_queued", "stopped", "destroying"})) {
    return status == "stopped";
  }
  return status == "unknown";
}

// What each provider is asked for an endpoint all the time.
std::vector<std::string> watched(const History& history) {
  if (history.provider.starts_with("runpod")) return {"workers", "queue"};
  return {"workers"};
}

}  // namespace

void Findings::add(const std::string& sort, double time, const std::string& what) {
  auto& [count, shown] = by_sort_[sort];
  ++total_;
  if (++count <= kShown) shown.push_back({time, what});
}

std::string Findings::text(double begun) const {
  std::string out;
  for (const auto& [sort, found] : by_sort_) {
    out += fmt::format("violation {:8} {}\n", sort, found.first);
    for (const auto& each : found.second) {
      out += fmt::format("  at {:8.3f} s: {}\n", each.time - begun, each.what);
    }
    if (found.first > kShown) out += fmt::format("  and {} more\n", found.first - kShown);
  }
  return out;
}

Sources read_sources(const std::string& document) {
  Sources all;
  std::istringstream lines(document);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `serverless_")) continue;
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(trimmed(cell));
    if (cells.size() < 6) continue;
    std::set<std::string> sources;
    std::istringstream words(cells[4]);
    for (std::string word; words >> word;) {
      // Where it says workers*, the queue may be needed, too, and nobody outside knows when.
      if (word.ends_with('*')) word.pop_back();
      if (word != "+" && word != "state") sources.insert(word);
    }
    // Of a family with several rows it is sure what all of them say.
    const auto [known, is_new] = all.try_emplace(cells[1], sources);
    if (is_new) continue;
    std::erase_if(known->second, [&](const auto& each) { return !sources.contains(each); });
  }
  if (all.size() < 50) throw std::runtime_error("this is not the document of the metrics");
  return all;
}

void Judge::find(const std::string& sort, const std::string& what) {
  findings_.add(sort, now_.begun, what);
}

void Judge::judge(const Record& record) {
  now_ = {record.begun, record.ended};
  ++counts_.pages;
  if (record.name != "200") return find("scrape", "the page came with " + record.name);
  e2e::Page page;
  try {
    page = e2e::Page::parse(record.body);
  } catch (const e2e::BadPage& bad) {
    return find("parse", bad.what());
  }
  counts_.samples += page.samples().size();
  judge_counters(page);
  std::map<std::pair<std::string, std::string>, Samples> by_endpoint;
  for (const auto& sample : page.samples()) {
    const auto endpoint = sample.labels.find("endpoint_id");
    if (endpoint == sample.labels.end()) continue;
    by_endpoint[{sample.label("account"), endpoint->second}].push_back(&sample);
  }
  for (const auto& [key, samples] : by_endpoint) {
    const auto account = cases_.find(key.first);
    if (account == cases_.end()) {
      find("ghost", "no such account: " + key.first);
    } else if (account->second.truth.find(key.second) == nullptr) {
      find("ghost", fmt::format("no such endpoint: {}/{}", key.first, key.second));
    }
  }
  for (const auto& [name, account] : cases_) {
    if (!account.history.terms_at(now_.begun).present) continue;
    for (const auto& endpoint : account.history.endpoints) {
      judge_endpoint(account, endpoint, by_endpoint[{name, endpoint}]);
    }
  }
}

void Judge::judge_endpoint(const AccountCase& account, const std::string& endpoint,
                           const Samples& samples) {
  oldest_.clear();
  claimed_.clear();
  for (const auto* sample : samples) {
    if (sample->name == "serverless_poll_max_age_seconds") {
      claimed_[sample->label("source")] = sample->value;
    }
  }
  judge_age(account, endpoint, samples);
  judge_values(account, endpoint, samples);
  judge_workers(account, endpoint, samples);
  judge_presence(account, endpoint, samples);
}

double Judge::max_age(const AccountCase& account, const Subject& subject) const {
  const double lawful = account.history.max_age(subject.first, now_.begun - 2, now_.ended);
  const auto claimed = claimed_.find(subject.first);
  return claimed == claimed_.end() ? lawful : std::min(lawful, claimed->second);
}

double Judge::oldest(const AccountCase& account, const Subject& subject) const {
  const auto known = oldest_.find(subject.first);
  if (known != oldest_.end()) return known->second;
  const auto& history = account.history;
  const double patience = history.patience(subject.first, now_.begun - 2, now_.ended);
  const double from = now_.begun - patience - stalls_.within(now_.begun - patience, now_.ended);
  const auto* course = history.course(subject);
  const bool clean = course != nullptr && course->is_clean(from, now_.ended);
  return oldest_[subject.first] = clean ? from : now_.begun - max_age(account, subject);
}

// Is there anything that nobody can have told for longer than the max age?
void Judge::judge_age(const AccountCase& account, const std::string& endpoint,
                      const Samples& samples) {
  std::map<std::string, bool> told;
  const auto may_be_there = [&](const std::string& source) {
    const auto known = told.find(source);
    if (known != told.end()) return known->second;
    const Subject subject{source, endpoint};
    return told[source] = account.history.may_have_told(
               subject, now_.begun - max_age(account, subject), now_.ended);
  };
  for (const auto* sample : samples) {
    const auto row = sources_.find(sample->name);
    if (row == sources_.end()) continue;
    for (const auto& source : row->second) {
      if (may_be_there(source)) continue;
      find("age", fmt::format("{} is served, and nobody told {} for longer than its max age",
                              sample->series(), source));
    }
  }
}

// Is everything true, or was it not long ago?
void Judge::judge_values(const AccountCase& account, const std::string& endpoint,
                         const Samples& samples) {
  const Subject workers{"workers", endpoint};
  const Subject queue{"queue", endpoint};
  // What a cache tells late was true once; whether it is held is told by the counters.
  const bool lagging = account.history.was_hit(
      queue, "lagging", now_.begun - 2 * max_age(account, queue), now_.ended);
  for (const auto* sample : samples) {
    const bool of_worker = sample->labels.contains("worker_id");
    if (!of_worker && (lagging || !sample->name.starts_with("serverless_endpoint_jobs_"))) continue;
    const auto& subject = of_worker ? workers : queue;
    const auto look = of_worker ? &Judge::wrong_worker : &Judge::wrong_queue;
    ++counts_.values;
    if ((this->*look)(account, account.truth, subject, *sample).empty()) continue;
    // Between two looks it may have been so.
    const auto* truth = finer(account, oldest(account, subject));
    const auto wrong =
        (this->*look)(account, truth == nullptr ? account.truth : *truth, subject, *sample);
    if (wrong.empty()) continue;
    ++wrong_;
    find(wrong.starts_with("no worker") ? "ghost" : "value", wrong);
  }
}

// Where nothing was in the way every worker is there.
void Judge::judge_workers(const AccountCase& account, const std::string& endpoint,
                          const Samples& samples) {
  const auto* truth = account.truth.find(endpoint);
  const Subject subject{"workers", endpoint};
  const double from = oldest(account, subject);
  const auto* course = account.history.course(subject);
  if (truth == nullptr || course == nullptr || !course->is_clean(from, now_.ended)) return;
  // Den's list has workers on people's own machines, too, which are left out.
  if (account.history.provider == "den") return;
  std::set<std::string_view> served;
  for (const auto* sample : samples) {
    const auto id = sample->labels.find("worker_id");
    if (id != sample->labels.end()) served.insert(id->second);
  }
  for (const auto& [id, worker] : truth->workers) {
    if (served.contains(id) || !account.truth.always(worker.there, from, now_.ended)) continue;
    // A word for a worker that is gone.
    if (account.truth.ever(worker.status, "terminated", from, now_.ended)) continue;
    find("missing",
         fmt::format("{}/{}: worker {} is not served", account.history.name, endpoint, id));
  }
}

std::string Judge::wrong_worker(const AccountCase& account, const Truth& truth,
                                const Subject& subject, const Sample& sample) const {
  const double from = oldest(account, subject);
  const auto id = sample.label("worker_id");
  const auto* endpoint = truth.find(subject.second);
  const WorkerTruth* worker = nullptr;
  if (endpoint != nullptr) {
    const auto known = endpoint->workers.find(id);
    if (known != endpoint->workers.end()) worker = &known->second;
  }
  if (worker == nullptr || !truth.ever(worker->there, from, now_.ended)) {
    const bool malformed =
        std::find(kMalformed.begin(), kMalformed.end(), id) != kMalformed.end() &&
        account.history.was_hit(subject, "malformed_worker",
                                now_.begun - max_age(account, subject) - 1, now_.ended);
    if (malformed) return {};
    return fmt::format("no worker {} was at {}/{} since {:.3f} s before", id, account.history.name,
                       subject.second, now_.begun - from);
  }
  const auto& name = sample.name;
  const auto& provider = account.history.provider;
  bool right = true;
  if (name == "serverless_worker_status") {
    const auto status = sample.label("status");
    right = std::any_of(worker->status.begin(), worker->status.end(), [&](const Span& span) {
      return agrees(provider, span.value, status) && truth.ever({span}, from, now_.ended);
    });
  } else if (name == "serverless_worker_uptime_seconds" && provider == "runpod") {
    right = sample.value == 0 || truth.up_for(*worker, sample.value, from, now_.ended);
  } else if (name == "serverless_worker_stale" && !worker->stale.empty()) {
    right = truth.ever(worker->stale, sample.value == 1 ? "1" : "0", from, now_.ended);
  } else if (name == "serverless_worker_cur_load") {
    right = truth.ever(worker->load, fmt::format("{}", sample.value), from, now_.ended);
  }
  if (right) return {};
  return fmt::format("{} {} was never true since {:.3f} s before", sample.series(), sample.value,
                     now_.begun - from);
}

std::string Judge::wrong_queue(const AccountCase& account, const Truth& truth,
                               const Subject& subject, const Sample& sample) const {
  const auto* endpoint = truth.find(subject.second);
  if (endpoint == nullptr || endpoint->jobs.empty()) return {};
  const double from = oldest(account, subject);
  const auto counted = [&](double JobsTruth::*counter) {
    return truth.counted(*endpoint, counter, sample.value, from, now_.ended);
  };
  const auto& name = sample.name;
  bool right = true;
  if (name == "serverless_endpoint_jobs_completed_total") {
    right = counted(&JobsTruth::completed);
  } else if (name == "serverless_endpoint_jobs_failed_total") {
    right = counted(&JobsTruth::failed);
  } else if (name == "serverless_endpoint_jobs_retried_total") {
    right = counted(&JobsTruth::retried);
  } else if (name == "serverless_endpoint_jobs_in_queue") {
    right = truth.ever(endpoint->in_queue, fmt::format("{}", sample.value), from, now_.ended);
  }
  if (right) return {};
  return fmt::format("{} {} was never true since {:.3f} s before", sample.series(), sample.value,
                     now_.begun - from);
}

const Truth* Judge::finer(const AccountCase& account, double from) {
  auto& known = finer_[account.history.name];
  if (known.page == now_.begun && known.from <= from) return &known.truth;
  if (wrong_ >= kMostWrong) return nullptr;
  known = {.page = now_.begun, .from = from};
  const simulator::Fleet fleet(account.fleet);
  const auto step = std::chrono::milliseconds{static_cast<int>(kFinely * 1000)};
  const auto time_of = [](double unix_time) {
    return simulator::Time{std::chrono::milliseconds{static_cast<std::int64_t>(unix_time * 1000)}};
  };
  for (auto time = time_of(from) - step; time < time_of(now_.ended) + 2 * step; time += step) {
    const simulator::View view{&fleet, std::make_shared<const simulator::Controls>(), time};
    known.truth.look(simulator::truth(view, account.api), account.api);
  }
  return &known.truth;
}

// An endpoint without a fault is there, and says so.
void Judge::judge_presence(const AccountCase& account, const std::string& endpoint,
                           const Samples& samples) {
  const auto& history = account.history;
  for (const auto& source : watched(history)) {
    const Subject subject{source, endpoint};
    const auto* course = history.course(subject);
    // The first good answer has to land, too.
    const double grace = history.terms_at(now_.begun).timeout;
    const double from = now_.begun - grace - stalls_.within(now_.begun - grace, now_.ended);
    const bool clean = course != nullptr && course->is_clean(from, now_.ended);
    const auto has = [&](std::string_view name, std::string_view label) {
      return std::any_of(samples.begin(), samples.end(), [&](const Sample* sample) {
        return sample->name == name && (label.empty() || sample->label("source") == label);
      });
    };
    // A family that rests on this source alone: RunPod v1's statuses may rest on both.
    const bool served = has(source == "queue" ? "serverless_endpoint_reported_workers"
                                              : "serverless_endpoint_stale_workers",
                            "");
    ++(clean ? counts_.clean : counts_.faulty);
    if (!served && source == "workers" && !clean) ++counts_.expired;
    if (!clean) continue;
    if (!served || !has("serverless_endpoint_fresh", source)) {
      find("missing",
           fmt::format("{}/{}: {} is not served and had no fault", history.name, endpoint, source));
    }
    for (const auto* sample : samples) {
      if (sample->label("source") != source) continue;
      if (sample->name == "serverless_endpoint_fresh" && sample->value != 1) {
        find("late", fmt::format("{}/{}: {} is not fresh and had no fault", history.name, endpoint,
                                 source));
      }
      const double patience = history.patience(source, now_.begun - 2, now_.ended);
      const double allowed = patience + stalls_.within(now_.begun - patience, now_.ended);
      const bool settled = course->is_clean(now_.begun - allowed, now_.ended);
      if (sample->name == "serverless_poll_last_success_timestamp_seconds" && settled &&
          now_.begun - sample->value > allowed) {
        find("late",
             fmt::format("{}/{}: the last good answer of {} is {:.3f} s old, allowed are "
                         "{:.3f} s",
                         history.name, endpoint, source, now_.begun - sample->value, allowed));
      }
    }
  }
}

void Judge::judge_counters(const e2e::Page& page) {
  std::set<std::string_view> names;
  for (const auto& family : page.families()) {
    if (family.type == "counter" || family.type == "histogram") names.insert(family.name);
  }
  const auto is_counter = [&](std::string_view name) {
    if (names.contains(name)) return true;
    for (const std::string_view tail : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(tail) && names.contains(name.substr(0, name.size() - tail.size()))) {
        return true;
      }
    }
    return false;
  };
  const bool next = now_.begun - counted_ < kNextPage;
  std::unordered_map<std::string, double> counters;
  for (const auto& sample : page.samples()) {
    if (!is_counter(sample.name)) continue;
    const auto series = sample.series();
    counters.emplace(series, sample.value);
    const auto before = counters_.find(series);
    if (!next || before == counters_.end()) continue;
    ++counts_.counters;
    if (sample.value >= before->second) continue;
    if (sample.name.starts_with("serverless_endpoint_jobs_")) {
      // The provider's own: a second lower answer is believed.
      const auto& account = cases_.at(sample.label("account"));
      const Subject subject{"queue", sample.label("endpoint_id")};
      if (account.history.was_hit_twice(
              subject, "lagging",
              now_.begun - 2 * account.history.max_age("queue", now_.begun, now_.ended),
              now_.ended)) {
        continue;
      }
    }
    find("counter", fmt::format("{} fell from {} to {}", series, before->second, sample.value));
  }
  counters_ = std::move(counters);
  counted_ = now_.begun;
}

}  // namespace chaos
