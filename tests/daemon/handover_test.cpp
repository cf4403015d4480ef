#include "daemon/handover.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/assemble.hpp"
#include "daemon/deflate.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
// The machine of the next owner was started at another time.
constexpr milliseconds kOtherBoot = -73h - 12345ms;

Now at(milliseconds after_noon) {
  return {.mono = kNoon.mono + after_noon, .wall = kNoon.wall + after_noon};
}

Now elsewhere(Now now) { return {.mono = now.mono + kOtherBoot, .wall = now.wall}; }

std::set<std::string> ids_of(const AccountState& account) {
  std::set<std::string> ids;
  for (const auto& [id, endpoint] : account.endpoints) ids.insert(id);
  return ids;
}

// The heirlooms of all texts, as the shell reads them.
AccountState told(AccountState account, const std::vector<std::string>& texts,
                  const Provider& provider, Now now) {
  for (const auto& text : texts) {
    const auto heirlooms = unpack(text, provider, now);
    EXPECT_TRUE(heirlooms.has_value()) << (heirlooms ? "" : heirlooms.error());
    if (heirlooms) account = take_over(std::move(account), *heirlooms);
  }
  return account;
}

// ---- fleets of the four kinds, and what polling them at random is told

struct Word {
  std::string_view native{};
  Status status = Status::unknown;
};

/// What is particular to a provider.
struct Kind {
  std::string_view provider{};
  std::vector<Word> words{};
  std::vector<Staleness> staleness{};
  Pace pace{.interval = 30s, .max_age = 90s};
  std::vector<Source> own{};      ///< Asked of each endpoint by itself, beside the workers.
  std::vector<Source> account{};  ///< Asked once for all.
  bool one_list = false;          ///< The list of endpoints has their workers.
  bool lifecycle_only = false;
  bool discovers = true;
  bool beats = false;  ///< Its workers tell of their heartbeat and activity.
};

const std::vector<Kind> kKinds{
    {.provider = "runpod",
     .words = {{"running", Status::running},
               {"idle", Status::idle},
               {"initializing", Status::initializing},
               {"throttled", Status::throttled},
               {"exited", Status::stopped}},
     .staleness = {Staleness::current, Staleness::version, Staleness::image},
     .own = {Source::queue},
     .account = {Source::catalog, Source::billing}},
    {.provider = "runpod-v1",
     .words = {{"running", Status::active},
               {"running", Status::active},
               {"exited", Status::stopped},
               {"odd", Status::unknown}},
     .staleness = {Staleness::current, Staleness::image, Staleness::unknown},
     .own = {Source::queue},
     .account = {Source::catalog},
     .one_list = true,
     .lifecycle_only = true},
    {.provider = "vast",
     .words = {{"idle", Status::idle},
               {"idle", Status::running},
               {"ready", Status::active},
               {"loading", Status::initializing},
               {"error", Status::unhealthy}},
     .staleness = {Staleness::current, Staleness::version},
     .own = {Source::groups},
     .account = {Source::catalog, Source::instances}},
    {.provider = "den",
     .words = {{"healthy", Status::idle},
               {"healthy", Status::idle},
               {"provisioning", Status::initializing},
               {"failed", Status::unhealthy}},
     .staleness = {Staleness::current},
     .pace = {.interval = 65s, .max_age = 195s},
     .discovers = false,
     .beats = true},
};

/// Workers that live at random, and random polls of them.
class Fleet {
 public:
  Fleet(const Kind& kind, unsigned seed) : kind_(kind), random_(seed) {
    for (const std::string id : {"e1", "e2", "e3"}) {
      if (!kind.discovers && !fleet_.empty()) break;
      for (auto count = pick(6); count > 0; --count) appear(fleet_[id]);
    }
  }

  std::size_t pick(std::size_t below) { return random_() % below; }
  bool once_in(std::size_t times) { return pick(times) == 0; }

  /// The next poll, a while later.
  Observation next() {
    now_ += milliseconds{once_in(25) ? 100'000 + pick(200'000)
                                     : 1 + pick(kind_.beats ? 60'000 : 12'000)};
    live();
    if (kind_.account.empty() || !once_in(5)) return poll_of_endpoint();
    return poll_of_account(kind_.account[pick(kind_.account.size())], false);
  }
  /// Good answers of all endpoints, and at times not as a list that is whole.
  Observation discovery() {
    now_ += milliseconds{1 + pick(20'000)};
    auto poll = poll_of_account(Source::catalog, true);
    if (once_in(2)) poll.poll.listing.reset();
    return poll;
  }
  [[nodiscard]] Now now() const { return at(now_); }

  [[nodiscard]] const Kind& kind() const { return kind_; }

 private:
  using Endpoint = std::map<std::string, Worker>;

  void appear(Endpoint& endpoint) {
    Worker worker{.id = fmt::format("w{}", pick(12)),
                  .up_since = at(now_ - milliseconds{pick(9'000'000)}).wall};
    worker.started_at = worker.up_since;
    change(worker);
    if (kind_.beats) beat(worker);
    endpoint[worker.id] = std::move(worker);
  }

  void change(Worker& worker) {
    const auto& word = kind_.words[pick(kind_.words.size())];
    worker.native_status = word.native;
    worker.status = word.status;
    worker.staleness = kind_.staleness[pick(kind_.staleness.size())];
    if (once_in(4)) worker.created_at = at(now_ + 10h).wall;  // By a clock that is wrong.
  }

  void live() {
    for (auto& [id, endpoint] : fleet_) {
      if (once_in(6)) appear(endpoint);
      if (once_in(40)) endpoint.clear();
      for (auto at_worker = endpoint.begin(); at_worker != endpoint.end();) {
        auto& worker = at_worker->second;
        if (once_in(kind_.beats ? 40 : 10)) change(worker);
        if (kind_.beats && once_in(worker.id.back() % 2 == 0 ? 4 : 60)) beat(worker);
        at_worker =
            once_in(kind_.beats ? 100 : 30) ? endpoint.erase(at_worker) : std::next(at_worker);
      }
    }
  }

  void beat(Worker& worker) {
    worker.last_heartbeat = at(now_ - milliseconds{pick(20'000)}).wall;
    if (once_in(2)) worker.last_active = at(now_ - milliseconds{pick(800'000)}).wall;
    if (once_in(20)) worker.last_active.reset();
  }

  Observation observation(std::string operation, std::string endpoint, Source source) {
    const auto sent = now_;
    now_ += milliseconds{pick(900)};
    return {.target = {.operation = std::move(operation),
                       .api = "api",
                       .endpoint_id = std::move(endpoint),
                       .supplies = {source}},
            .sent = at(sent),
            .landed = at(now_),
            .cached = std::chrono::seconds{once_in(10) ? pick(120) : 0}};
  }

  tl::unexpected<Error> failure() {
    Error error{.reason = once_in(3) ? Reason::not_ready : Reason::timeout, .detail = "told so"};
    if (kind_.beats && !once_in(5)) {
      error = {.reason = Reason::rate_limited,
               .detail = "HTTP 401",
               .escalation = Escalation{.reason = Reason::auth, .after = 120s}};
    }
    return tl::make_unexpected(std::move(error));
  }

  Result<Report> report(const std::string& id, Source source) {
    // Failures come in runs.
    failing_ = once_in(failing_ ? 3 : 12) ? !failing_ : failing_;
    if (failing_) return failure();
    switch (source) {
      case Source::workers:
        return workers(fleet_[id]);
      case Source::queue:
        return queue(fleet_[id]);
      case Source::groups:
        return groups(fleet_[id]);
      case Source::billing:
        return BillingReport{.dollars = static_cast<double>(pick(100))};
      case Source::instances:
        return std::make_shared<const InstancesReport>();
      case Source::catalog:
        break;
    }
    return EndpointInfo{.id = id, .name = "of " + id};
  }

  Report workers(const Endpoint& endpoint) {
    WorkersReport report{.lifecycle_only = kind_.lifecycle_only, .answered_at = at(now_).wall};
    if (!kind_.lifecycle_only && !kind_.own.empty()) report.summary.fill(0);
    for (const auto& [id, worker] : endpoint) {
      report.workers.push_back(worker);
      auto& count = report.summary[static_cast<std::size_t>(worker.status)];
      if (count) ++*count;
    }
    std::shuffle(report.workers.begin(), report.workers.end(), random_);
    if (once_in(8)) report.skipped.add(Skip::no_id, "/workers/7/id: expected an id");
    return report;
  }

  Report queue(const Endpoint& endpoint) {
    QueueReport report{
        .ready = pick(3),
        .jobs_in_queue = pick(50),
        .jobs_in_progress = pick(3),
        .jobs_completed = done_ += static_cast<std::int64_t>(pick(9)) - (once_in(6) ? 20 : 0),
        .jobs_failed = pick(20),
        .jobs_retried = once_in(4) ? std::nullopt : std::optional<std::int64_t>(5)};
    // All of one kind, as often as not: then it is proven of each.
    const bool alike = once_in(2);
    for (const Status status : {Status::running, Status::initializing, Status::throttled,
                                Status::unhealthy, Status::idle}) {
      if (!once_in(20)) report.workers[static_cast<std::size_t>(status)] = alike ? 0 : pick(3);
    }
    if (alike) {
      report.workers[static_cast<std::size_t>(once_in(2) ? Status::running : Status::idle)] =
          std::ssize(endpoint);
    }
    return report;
  }

  Report groups(const Endpoint& endpoint) {
    GroupsReport report{.groups = {{.id = "g1"}, {.id = "g2"}}};
    for (const auto& [id, worker] : endpoint) {
      if (!once_in(5)) report.groups[id.back() % 2 == 0 ? 0 : 1].workers.push_back(id);
    }
    report.groups[0].workers.push_back(fmt::format("w{}", pick(12)));  // Not in the list, perhaps.
    return report;
  }

  Observation poll_of_endpoint() {
    auto id = std::next(fleet_.begin(), static_cast<std::ptrdiff_t>(pick(fleet_.size())))->first;
    auto sources = kind_.own;
    if (!kind_.one_list) sources.push_back(Source::workers);
    const auto source = sources[pick(sources.size())];
    auto poll = observation(fmt::format("get_{}", name(source)), id, source);
    auto result = report(id, source);
    poll.poll.answers.push_back(
        {.endpoint_id = std::move(id), .source = source, .result = std::move(result)});
    return poll;
  }

  Observation poll_of_account(Source source, bool whole) {
    auto poll = observation(fmt::format("list_{}", name(source)), "", source);
    if (source != Source::catalog) {
      poll.poll.answers.push_back({.source = source, .result = report("", source)});
      return poll;
    }
    if (kind_.one_list) poll.target.supplies.push_back(Source::workers);
    if (whole) failing_ = false;
    std::vector<std::string> listing;
    for (const auto& [id, endpoint] : fleet_) {
      if (!whole && once_in(4)) continue;
      listing.push_back(id);
      poll.poll.answers.push_back({.endpoint_id = id,
                                   .source = Source::catalog,
                                   .result = Report{EndpointInfo{.id = id, .name = "of " + id}}});
      if (!kind_.one_list) continue;
      poll.poll.answers.push_back(
          {.endpoint_id = id, .source = Source::workers, .result = report(id, Source::workers)});
    }
    if (whole || !once_in(4)) poll.poll.listing = std::move(listing);
    return poll;
  }

  const Kind& kind_;
  std::mt19937 random_;
  milliseconds now_{0};
  std::map<std::string, Endpoint> fleet_{};
  std::int64_t done_ = 1000;
  bool failing_ = false;
};

/// An exporter as far as it keeps an account.
class Member {
 public:
  explicit Member(const Kind& kind, const AccountState& before = {}) : kind_(&kind) {
    std::vector<EndpointInfo> named;
    if (!kind.discovers) named.push_back({.id = "e1", .kind = "organization"});
    account = inherit(
        initial_account("prod", *find_provider(kind.provider), std::move(named), kind.discovers),
        before);
    adopt();
  }

  void take(const Observation& poll) {
    apply(account, poll, [this](const Target&, Source) { return kind_->pace; });
    adopt();
  }
  [[nodiscard]] const Provider& provider() const { return *account.provider; }

  AccountState account{};

 private:
  void adopt() {
    std::vector<Target> targets;
    for (const Source source : kind_->account) {
      targets.push_back({.operation = fmt::format("list_{}", name(source)), .supplies = {source}});
      if (kind_->one_list) targets.back().supplies.push_back(Source::workers);
    }
    for (const auto& [id, endpoint] : account.endpoints) {
      for (const Source source : kind_->own) {
        targets.push_back({.operation = fmt::format("get_{}", name(source)),
                           .endpoint_id = id,
                           .supplies = {source}});
      }
      if (kind_->one_list) continue;
      targets.push_back(
          {.operation = "get_workers", .endpoint_id = id, .supplies = {Source::workers}});
    }
    adopt_targets(account, targets, [this](const Target&, Source) { return kind_->pace; });
  }

  const Kind* kind_;
};

Observation elsewhere(Observation poll) {
  poll.sent = elsewhere(poll.sent);
  poll.landed = elsewhere(poll.landed);
  return poll;
}

/// The state as the old owner's clock has it.
EndpointState back_home(EndpointState state) {
  for (auto& source : state.sources) {
    if (!source) continue;
    if (source->good) source->good->mono -= kOtherBoot;
    if (source->handed) *source->handed -= kOtherBoot;
    if (source->failing_since) *source->failing_since -= kOtherBoot;
  }
  for (auto& worker : state.workers.edit()) {
    for (auto* watched : {&worker.heartbeat, &worker.activity}) {
      if (watched->stamp) watched->changed -= kOtherBoot;
    }
  }
  return state;
}

/// Without what nobody can tell from outside: for how long a poll has failed whose error does not
/// depend on it, what was handed once there is an answer of one's own, and what was counted of a
/// list that has expired.
EndpointState outwardly(EndpointState state, Now now) {
  for (auto& source : state.sources) {
    if (!source) continue;
    if (source->error && !source->error->escalation) source->failing_since.reset();
    if (source->good) source->handed.reset();
  }
  const auto* workers = state.source(Source::workers);
  if (workers == nullptr || !is_fresh(*workers, now.mono)) {
    state.counts = {};
    state.degraded = false;
  }
  return state;
}

/// What no API tells. It is the same at every moment, before the new owner's own polls, too.
EndpointState memory_of(const EndpointState& state) {
  EndpointState memory;
  memory.info.id = state.info.id;
  memory.missing_listings = state.missing_listings;
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    const auto& source = state.sources[i];
    if (!source) continue;
    memory.sources[i] = {.handed = last_told(*source),
                         .max_age = source->max_age,
                         .polls = source->polls,
                         .failures = source->failures};
  }
  std::vector<WorkerState> workers;
  for (const auto& worker : state.workers) {
    WorkerState known;
    static_cast<WorkerMemory&>(known) = worker;
    known.group_id.clear();
    known.uptime_seconds.reset();
    known.reported = {.id = worker.reported.id,
                      .native_status = worker.reported.native_status,
                      .status = worker.reported.status,
                      .staleness = worker.reported.staleness};
    workers.push_back(std::move(known));
  }
  memory.workers = std::move(workers);
  memory.workers_report = {.summary = state.workers_report.summary,
                           .lifecycle_only = state.workers_report.lifecycle_only};
  if (state.queue) {
    memory.queue = {.workers = state.queue->workers,
                    .jobs_in_progress = state.queue->jobs_in_progress};
  }
  if (state.groups) memory.groups = {.groups = state.groups->groups};
  memory.completed = state.completed;
  memory.failed = state.failed;
  memory.retried = state.retried;
  memory.expects_baseline = state.expects_baseline;
  memory.empty_pending = state.empty_pending;
  memory.workers_news = state.workers_news;
  memory.queue_news = state.queue_news;
  memory.disagreement = state.disagreement;
  memory.degradation = state.degradation;
  memory.transitions = state.transitions;
  memory.appeared = state.appeared;
  memory.disappeared = state.disappeared;
  memory.skipped = state.skipped;
  memory.future_timestamps = state.future_timestamps;
  return memory;
}

/// Each source has been asked by the new owner, with as good an answer as the old one ever had.
bool has_polled_all(const EndpointState& next, const EndpointState& old) {
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    if (!next.sources[i]) continue;
    if (!next.sources[i]->last_attempt) return false;
    if (old.sources[i]->good && !next.sources[i]->good) return false;
  }
  return true;
}

// Where the states differ, in words: an endpoint's state has a hundred fields.
std::string difference(const EndpointState& one, const EndpointState& other) {
  std::string out;
  const auto compare = [&](std::string_view what, const auto& a, const auto& b) {
    if (!(a == b)) out += fmt::format("{} ", what);
  };
  compare("info", one.info, other.info);
  compare("missing_listings", one.missing_listings, other.missing_listings);
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    compare(kSourceNames[i], one.sources[i], other.sources[i]);
  }
  compare("workers", one.workers, other.workers);
  compare("workers_report", one.workers_report, other.workers_report);
  compare("queue_report", one.queue, other.queue);
  compare("groups_report", one.groups, other.groups);
  compare("instances_report", one.instances, other.instances);
  compare("billing_report", one.billing, other.billing);
  compare("completed", one.completed, other.completed);
  compare("failed", one.failed, other.failed);
  compare("retried", one.retried, other.retried);
  compare("counts", one.counts, other.counts);
  compare("degraded", one.degraded, other.degraded);
  compare("queue_used", one.queue_used, other.queue_used);
  compare("expects_baseline", one.expects_baseline, other.expects_baseline);
  compare("empty_pending", one.empty_pending, other.empty_pending);
  compare("workers_news", one.workers_news, other.workers_news);
  compare("queue_news", one.queue_news, other.queue_news);
  compare("disagreement", one.disagreement, other.disagreement);
  compare("degradation", one.degradation, other.degradation);
  compare("transitions", one.transitions, other.transitions);
  compare("appeared", one.appeared, other.appeared);
  compare("disappeared", one.disappeared, other.disappeared);
  compare("skipped", one.skipped, other.skipped);
  compare("future_timestamps", one.future_timestamps, other.future_timestamps);
  if (out.empty() && !(one == other)) out = "something else";
  return out;
}

// ---- the next owner goes on

/// What a round of handing over met, so that it is seen that there was something to meet.
struct Met {
  long whole = 0;  ///< States that were compared whole.
  long transitions = 0;
  long lost_heartbeats = 0;
  long escalated = 0;
  long removed = 0;

  void note(const AccountState& before, const AccountState& after) {
    for (const auto& [id, endpoint] : after.endpoints) {
      const auto was = before.endpoints.find(id);
      if (was == before.endpoints.end()) continue;
      transitions += endpoint->transitions != was->second->transitions ? 1 : 0;
      const auto auth = [](const EndpointState& state) {
        return state.sources[0]->failures[static_cast<std::size_t>(Reason::auth)];
      };
      escalated += auth(*endpoint) > auth(*was->second) ? 1 : 0;
    }
    removed += static_cast<long>(after.endpoints_removed - before.endpoints_removed);
  }
};

void hand_over_and_compare(const Kind& kind, unsigned seed, Met& met) {
  Fleet fleet(kind, seed);
  Member old(kind);
  if (kind.discovers) old.take(fleet.discovery());
  for (auto polls = 5 + fleet.pick(60); polls > 0; --polls) old.take(fleet.next());
  if (fleet.once_in(5)) expect_baseline(old.account);
  const auto before = old.account;

  const auto packed = pack(old.account, ids_of(old.account), fleet.now());
  ASSERT_EQ(packed.endpoints, old.account.endpoints.size());
  Now later = elsewhere(fleet.now());
  const milliseconds under_way{fleet.pick(900)};
  later = {.mono = later.mono + under_way, .wall = later.wall + under_way};
  Member next(kind, told({}, packed.texts, old.provider(), later));
  // Who leaves at once hands on what it was told.
  if (fleet.once_in(3)) {
    auto ids = ids_of(old.account);
    const auto again = pack(next.account, ids, later);
    ASSERT_EQ(again.endpoints, packed.endpoints);
    next = Member(kind, told({}, again.texts, old.provider(), later));
  }

  for (int i = 0; i < 60; ++i) {
    const auto poll = i == 0 && kind.discovers ? fleet.discovery() : fleet.next();
    old.take(poll);
    next.take(elsewhere(poll));
    ASSERT_EQ(ids_of(next.account), ids_of(old.account));
    for (const auto& [id, endpoint] : old.account.endpoints) {
      const auto here = outwardly(back_home(*next.account.endpoints.at(id)), poll.landed);
      const auto there = outwardly(*endpoint, poll.landed);
      ASSERT_EQ(difference(memory_of(here), memory_of(there)), "")
          << kind.provider << ", seed " << seed << ", poll " << i << ", endpoint " << id;
      met.lost_heartbeats += std::count_if(
          there.workers.begin(), there.workers.end(),
          [](const WorkerState& worker) { return worker.staleness == Staleness::heartbeat; });
      if (!has_polled_all(here, there)) continue;
      ++met.whole;
      ASSERT_EQ(difference(here, there), "")
          << kind.provider << ", seed " << seed << ", poll " << i << ", endpoint " << id;
    }
  }
  met.note(before, old.account);
}

TEST(Handover, TheNextOwnerGoesOnAsIfItHadPolledAllAlong) {
  for (const auto& kind : kKinds) {
    Met met;
    for (unsigned seed = 0; seed < 50; ++seed) {
      hand_over_and_compare(kind, seed, met);
      ASSERT_FALSE(testing::Test::HasFatalFailure());
    }
    EXPECT_GT(met.whole, 500) << kind.provider;
    EXPECT_GT(met.transitions, 30) << kind.provider;
    EXPECT_GE(met.removed, kind.discovers ? 10 : 0) << kind.provider;
    EXPECT_GE(met.lost_heartbeats, kind.beats ? 100 : 0) << kind.provider;
    EXPECT_GE(met.escalated, kind.beats ? 10 : 0) << kind.provider;
    fmt::print(
        "{}: {} whole states, {} endpoints with transitions, {} lost heartbeats, {} "
        "escalations, {} endpoints removed\n",
        kind.provider, met.whole, met.transitions, met.lost_heartbeats, met.escalated, met.removed);
  }
}

// ---- what travels

Worker worker(std::string id, std::string native, Status status) {
  return {.id = std::move(id),
          .native_status = std::move(native),
          .status = status,
          .staleness = Staleness::current};
}

// Each field that travels has a value that no other one has.
EndpointState full_endpoint() {
  EndpointState state;
  state.info.id = "e1";
  state.missing_listings = 1;
  state.sources[0] = {.handed = kNoon.mono - 20s,
                      .failing_since = kNoon.mono - 10s,
                      .max_age = 90s,
                      .polls = 300,
                      .failures = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}};
  state.sources[4] = {.max_age = 15min, .polls = 1};
  WorkerState one{{}, worker("w1", "healthy", Status::idle)};
  static_cast<WorkerMemory&>(one) = {
      .status = Status::running,
      .staleness = Staleness::heartbeat,
      .status_since = at(-7h).wall,
      .change_seen = true,
      .placed_as = "provisioning",
      .heartbeat = {.stamp = at(-300s).wall, .changed = kNoon.mono - 901s},
      .activity = {.stamp = Time{1s}, .changed = kNoon.mono - 24h * 366}};
  WorkerState other{{}, worker("w2", "failed", Status::unhealthy)};
  other.reported.staleness = Staleness::version;
  other.status = Status::unhealthy;
  other.staleness = Staleness::version;
  state.workers = {one, other};
  state.workers_report.summary[0] = 70;
  state.workers_report.summary[7] = 77;
  state.workers_report.lifecycle_only = true;
  state.queue = QueueReport{.jobs_in_progress = 81};
  state.queue->workers[1] = std::int64_t{1} << 53;
  state.groups = GroupsReport{.groups = {{.id = "g1", .workers = {"w1", "w3"}}, {.id = "g2"}}};
  state.completed = {.value = 1001, .fell = true};
  state.failed = {.value = 1002};
  state.retried = {.value = 0};
  state.expects_baseline = true;
  state.workers_news = true;
  state.disagreement = {.polls = 4, .since = at(-2min).wall};
  state.degradation = {.polls = 5, .since = at(-3min).wall};
  state.transitions[0][1] = 11;
  state.transitions[7][6] = 22;
  state.appeared = 33;
  state.disappeared = 44;
  state.skipped = {51, 52, 53, 54};
  state.future_timestamps = 66;
  return state;
}

AccountState account_of(std::vector<EndpointState> endpoints, std::string_view provider = "den") {
  AccountState account{.name = "prod", .provider = find_provider(provider), .exhaustive = true};
  for (auto& state : endpoints) {
    const auto id = state.info.id;
    account.endpoints.emplace(id, std::make_shared<const EndpointState>(std::move(state)));
  }
  return account;
}

const Provider& den() { return *find_provider("den"); }

std::string pack_one(const EndpointState& state, Now now = kNoon) {
  return pack(account_of({state}), {state.info.id}, now).texts.at(0);
}

Heirlooms read(const std::string& text, Now now = kNoon) {
  auto heirlooms = unpack(text, den(), now);
  EXPECT_TRUE(heirlooms.has_value()) << (heirlooms ? "" : heirlooms.error());
  return heirlooms ? std::move(*heirlooms) : Heirlooms{};
}

EndpointState unpacked(const EndpointState& state) {
  return *read(pack_one(state)).at(state.info.id).state;
}

TEST(Handover, WhatNoApiTellsComesThroughAsItWas) {
  const auto state = full_endpoint();
  EXPECT_EQ(difference(unpacked(state), state), "");
  // Those that are either true or false, the other way round.
  auto other = state;
  other.expects_baseline = false;
  other.empty_pending = true;
  other.workers_news = false;
  other.queue_news = true;
  EXPECT_EQ(difference(unpacked(other), other), "");
}

TEST(Handover, WhatAnApiTellsIsLeftToTheNextOwnersOwnPolls) {
  auto state = full_endpoint();
  const auto expected = state;
  state.info.name = "llama";
  state.configured = true;
  auto& source = *state.sources[0];
  source.good = at(-20s);
  source.handed = kNoon.mono - 5min;  // Of the owner before: our own answer counts.
  source.last_success = at(-20s).wall;
  source.last_attempt = at(-10s).wall;
  source.ok = true;
  source.error = Error{.reason = Reason::rate_limited, .escalation = Escalation{}};
  source.duration = 1s;
  source.interval = 30s;
  state.workers.edit()[0].reported.gpu_type = "A100";
  state.workers.edit()[0].uptime_seconds = 5;
  state.workers.edit()[0].group_id = "g1";
  state.workers_report.priced = true;
  state.queue->jobs_in_queue = 9;
  state.instances = std::make_shared<const InstancesReport>();
  state.billing = BillingReport{.dollars = 1};
  state.counts[0] = 1;
  state.degraded = true;
  state.queue_used = true;
  EXPECT_EQ(difference(unpacked(state), expected), "");
}

TEST(Handover, OnlyAnErrorThatMayEscalateIsTimed) {
  auto state = full_endpoint();
  state.sources[0]->error = Error{.reason = Reason::timeout};
  EXPECT_EQ(unpacked(state).sources[0]->failing_since, std::nullopt);
  state.sources[0]->error->escalation = Escalation{.reason = Reason::auth, .after = 120s};
  EXPECT_EQ(unpacked(state).sources[0]->failing_since, kNoon.mono - 10s);
}

TEST(Handover, NothingIsServedOfWhatWasHandedButCounters) {
  const auto& kind = kKinds[0];
  Fleet fleet(kind, 7);
  Member old(kind);
  old.take(fleet.discovery());
  for (int i = 0; i < 100; ++i) old.take(fleet.next());
  const auto packed = pack(old.account, ids_of(old.account), fleet.now());
  // Named, so that the next owner shows them at once.
  std::vector<EndpointInfo> named;
  for (const auto& id : ids_of(old.account)) named.push_back({.id = id});
  const auto fresh = initial_account("prod", old.provider(), named, false);
  auto account = inherit(fresh, told({}, packed.texts, old.provider(), fleet.now()));
  const auto page_of = [&](const AccountState& state) {
    const Context context{.provider = state.provider};
    return assemble({std::make_shared<AccountPage>(make_page(state, context, fleet.now()))}, {},
                    fleet.now())
        .text();
  };
  std::set<std::string> families;
  const auto text = page_of(account);
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    const auto line = text.substr(begin, text.find('\n', begin) - begin);
    if (line[0] == '#' || line.find("endpoint_id") == std::string::npos) continue;
    families.insert(line.substr(0, line.find('{')));
    EXPECT_FALSE(line.starts_with("serverless_endpoint_fresh") && line.ends_with(" 1")) << line;
  }
  EXPECT_EQ(families, (std::set<std::string>{
                          "serverless_endpoint_fresh", "serverless_endpoint_info",
                          "serverless_endpoint_worker_transitions_total",
                          "serverless_endpoint_workers_appeared_total",
                          "serverless_endpoint_workers_disappeared_total",
                          "serverless_endpoint_workers_skipped_total",
                          "serverless_endpoint_future_timestamps_total",
                          "serverless_endpoint_worker_series_withheld", "serverless_polls_total",
                          "serverless_poll_failures_total", "serverless_poll_interval_seconds",
                          "serverless_poll_max_age_seconds"}));
  const auto& before = *old.account.endpoints.at("e1");
  const auto& after = *account.endpoints.at("e1");
  EXPECT_GT(before.appeared, 0U);
  EXPECT_NE(text.find(fmt::format("serverless_endpoint_workers_appeared_total{{provider=\"runpod\","
                                  "account=\"prod\",endpoint_id=\"e1\"}} {}\n",
                                  before.appeared)),
            std::string::npos);
  EXPECT_EQ(after.transitions, before.transitions);
}

TEST(Handover, WhatAMemberCountsOfItselfStays) {
  auto account = account_of({full_endpoint()});
  account.requests[{"control", "list_workers", "200"}] = 5;
  account.durations[{"control", "list_workers"}].observe(1);
  account.failures[0] = 3;
  account.endpoints_removed = 2;
  account.discovered = true;
  const auto packed = pack(account, {"e1"}, kNoon);
  const auto next = told({}, packed.texts, den(), kNoon);
  EXPECT_EQ(next.requests, AccountState{}.requests);
  EXPECT_EQ(next.durations, AccountState{}.durations);
  EXPECT_EQ(next.failures, AccountState{}.failures);
  EXPECT_EQ(next.endpoints_removed, 0U);
  EXPECT_FALSE(next.discovered);
}

// ---- time

TEST(Handover, AgesGoOnWhateverTheOtherMachinesMonotonicClockSays) {
  const auto text = pack_one(full_endpoint());
  const Now there{.mono = Mono{3s}, .wall = at(4s).wall};  // Just started.
  const auto heirloom = read(text, there).at("e1");
  EXPECT_EQ(heirloom.state->sources[0]->handed, Mono{3s} - 24s);
  EXPECT_EQ(heirloom.state->sources[0]->failing_since, Mono{3s} - 14s);
  EXPECT_EQ(heirloom.state->workers[0].heartbeat.changed, Mono{3s} - 905s);
  EXPECT_EQ(heirloom.state->workers[0].status_since, at(-7h).wall);
  EXPECT_EQ(heirloom.until, Mono{3s} - 4s + 5min);
}

TEST(Handover, AWallClockThatIsBehindMakesNothingYounger) {
  const Now behind{.mono = kNoon.mono, .wall = at(-30s).wall};
  const auto heirloom = read(pack_one(full_endpoint()), behind).at("e1");
  EXPECT_EQ(heirloom.state->sources[0]->handed, kNoon.mono - 20s);
  EXPECT_EQ(heirloom.until, kNoon.mono + 5min);
}

TEST(Handover, WhatIsOlderThanFiveMinutesIsNotBelieved) {
  const auto text = pack_one(full_endpoint());
  EXPECT_TRUE(unpack(text, den(), at(5min)).has_value());
  EXPECT_EQ(unpack(text, den(), at(5min + 1ms)).error(), "it was packed 300 s ago");
  EXPECT_TRUE(unpack(text, den(), at(-5min)).has_value());
  EXPECT_EQ(unpack(text, den(), at(-1h)).error(), "it was packed 3600 s from now, by our clock");
}

// ---- sizes

std::string random_word(std::mt19937& random, std::size_t length) {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string word;
  while (word.size() < length) word += kLetters[random() % kLetters.size()];
  return word;
}

// As they are at the provider: ids of its length, statuses and stamps that differ.
EndpointState usual_endpoint(const Kind& kind, std::size_t workers, std::mt19937& random) {
  EndpointState state;
  state.info.id = random_word(random, 14);
  for (const Source source : {Source::workers, Source::queue, Source::catalog}) {
    state.sources[static_cast<std::size_t>(source)] = {
        .good = at(-milliseconds{random() % 30'000}), .max_age = 90s, .polls = random() % 90'000};
  }
  std::vector<WorkerState> list;
  for (std::size_t i = 0; i < workers; ++i) {
    const auto& word = kind.words[random() % kind.words.size()];
    auto id = kind.provider == "vast" ? std::to_string(10'000'000 + random() % 9'000'000)
                                      : random_word(random, kind.beats ? 26 : 14);
    WorkerState known{{}, worker(std::move(id), std::string(word.native), word.status)};
    known.status = word.status;
    known.placed_as = word.native;
    known.status_since = at(-milliseconds{random() % 900'000'000}).wall;
    known.change_seen = true;
    if (kind.beats) {
      known.heartbeat = {.stamp = at(-milliseconds{random() % 300'000}).wall,
                         .changed = kNoon.mono - milliseconds{random() % 300'000}};
      known.activity = known.heartbeat;
    }
    list.push_back(std::move(known));
  }
  std::sort(list.begin(), list.end(), [](const WorkerState& a, const WorkerState& b) {
    return a.reported.id < b.reported.id;
  });
  state.workers = std::move(list);
  for (auto& from : state.transitions) {
    for (auto& count : from) count = random() % 3 == 0 ? random() % 5000 : 0;
  }
  return state;
}

// 200 endpoints with so many workers each.
Packed usual_texts(const Kind& kind, std::size_t workers) {
  std::mt19937 random(20261126);  // NOLINT: a test must be repeatable
  std::vector<EndpointState> endpoints;
  for (int i = 0; i < 200; ++i) endpoints.push_back(usual_endpoint(kind, workers, random));
  const auto account = account_of(std::move(endpoints), kind.provider);
  auto packed = pack(account, ids_of(account), kNoon);
  EXPECT_EQ(packed.endpoints, 200U);
  EXPECT_EQ(packed.left_out, 0U);
  return packed;
}

std::size_t bytes_of(const Packed& packed) {
  std::size_t bytes = 0;
  for (const auto& text : packed.texts) bytes += text.size();
  return bytes;
}

TEST(Handover, ATextIsSmall) {
  for (const auto& kind : kKinds) {
    const auto none = bytes_of(usual_texts(kind, 0));
    const auto some = bytes_of(usual_texts(kind, 50));
    const auto an_endpoint = none / 200;
    const auto a_worker = (some - none) / (200 * 50);
    fmt::print("{}: {} bytes an endpoint and {} a worker\n", kind.provider, an_endpoint, a_worker);
    EXPECT_LE(an_endpoint, 150U) << kind.provider;
    EXPECT_LE(a_worker, kind.beats ? 40U : 24U) << kind.provider;
  }
}

EndpointState named_endpoint(std::string id) {
  EndpointState state;
  state.info.id = std::move(id);
  return state;
}

// So many endpoints that a text has room for one of them, of bytes that cannot be compressed.
std::vector<EndpointState> endpoints_of_500_kb(int count) {
  std::mt19937_64 random(20261126);  // NOLINT: a test must be repeatable
  std::vector<EndpointState> endpoints;
  for (int i = 0; i < count; ++i) {
    std::string id;
    while (id.size() < 500'000) {
      const auto bytes = random();
      id.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    }
    endpoints.push_back(named_endpoint(std::move(id)));
  }
  return endpoints;
}

TEST(Handover, NoTextIsLongerThanItMayBeWhateverIsInIt) {
  const auto account = account_of(endpoints_of_500_kb(40));
  const auto packed = pack(account, ids_of(account), kNoon);
  EXPECT_EQ(packed.texts.size(), 33U);
  EXPECT_EQ(packed.endpoints, 33U);
  EXPECT_EQ(packed.left_out, 7U);
  EXPECT_LE(bytes_of(packed), kMostHandoverBytesInAll);
  std::set<std::string> told;
  for (const auto& text : packed.texts) {
    EXPECT_LE(text.size(), kMostHandoverBytes);
    for (const auto& [id, heirloom] : read(text)) told.insert(id);
  }
  EXPECT_EQ(told.size(), 33U);
}

TEST(Handover, NoMoreTextsAreMadeThanOneMayRead) {
  std::vector<EndpointState> endpoints;
  for (int i = 0; i < 130; ++i) {
    endpoints.push_back(named_endpoint(std::to_string(i) + std::string(500'000, 'x')));
  }
  const auto many = account_of(std::move(endpoints));
  const auto packed = pack(many, ids_of(many), kNoon);
  EXPECT_EQ(packed.texts.size(), kMostHandoverTexts);
  EXPECT_EQ(packed.left_out, 2U);
}

EndpointState endpoint_of(std::string id, std::size_t workers, std::size_t word = 1) {
  auto state = named_endpoint(std::move(id));
  std::vector<WorkerState> list(workers);
  for (std::size_t i = 0; i < workers; ++i) {
    list[i].reported.id = fmt::format("{:0>{}}", i, std::max<std::size_t>(word, 5));
  }
  state.workers = std::move(list);
  return state;
}

TEST(Handover, AnEndpointThatDoesNotFitIsLeftOutWhole) {
  const auto account =
      account_of({endpoint_of("a", 3), endpoint_of("many", 10'001), endpoint_of("most", 10'000),
                  endpoint_of("long", 5'000, 100), endpoint_of("z", 4)});
  const auto packed = pack(account, ids_of(account), kNoon);
  EXPECT_EQ(packed.endpoints, 3U);
  EXPECT_EQ(packed.left_out, 2U);
  std::map<std::string, std::size_t> workers;
  for (const auto& text : packed.texts) {
    for (const auto& [id, heirloom] : read(text)) {
      workers[id] = heirloom.state->workers.size();
    }
  }
  EXPECT_EQ(workers, (std::map<std::string, std::size_t>{{"a", 3}, {"most", 10'000}, {"z", 4}}));
}

TEST(Handover, OnlyWhatIsAskedForIsPacked) {
  auto account = account_of({named_endpoint("a"), named_endpoint("b")});
  account.heirlooms["c"] = {.state = std::make_shared<const EndpointState>(named_endpoint("c")),
                            .until = kNoon.mono};
  account.heirlooms["d"] = {.state = std::make_shared<const EndpointState>(named_endpoint("d")),
                            .until = kNoon.mono - 1ms};
  const auto packed = pack(account, {"b", "c", "d", "e"}, kNoon);
  EXPECT_EQ(packed.endpoints, 2U) << "b, and c that was not met yet; d is too old";
  std::set<std::string> ids;
  for (const auto& [id, heirloom] : read(packed.texts.at(0))) {
    ids.insert(id);
  }
  EXPECT_EQ(ids, (std::set<std::string>{"b", "c"}));
  EXPECT_EQ(pack(account, {"e"}, kNoon), Packed{});
}

// ---- texts that are not to be believed

std::string content_of(const std::string& text) { return gunzip(text, kMostHandoverBytes).value(); }

// "serverless_exporter handover 1\n", a length and "den", and six bytes of time.
constexpr std::size_t kHead = 31 + 4 + 6;

std::string refusal(const std::string& text) {
  const auto heirlooms = unpack(text, den(), kNoon);
  return heirlooms ? "" : heirlooms.error();
}

TEST(Handover, AnotherReleasesTextIsRefusedAndNotMisread) {
  auto content = content_of(pack_one(full_endpoint()));
  ASSERT_EQ(content.substr(0, 31), "serverless_exporter handover 1\n");
  content.replace(29, 1, "2");
  EXPECT_EQ(refusal(gzip(content)), "another release packed it: this one reads format 1");
  content.replace(29, 1, "11");
  EXPECT_EQ(refusal(gzip(content)), "another release packed it: this one reads format 1");
  EXPECT_EQ(refusal(gzip("serverless_exporter handover 1")), "it is no handover");
  EXPECT_EQ(refusal(gzip("serverless_exporter handover 1\n")),
            "it makes no sense at byte 0 of its content");
  EXPECT_EQ(refusal(gzip("serverless_exporter")), "it is no handover");
  EXPECT_EQ(refusal(gzip("")), "it is no handover");
}

TEST(Handover, WhatWasRememberedOfAnotherProviderIsRefused) {
  const auto text = pack_one(full_endpoint());
  EXPECT_EQ(unpack(text, *find_provider("runpod"), kNoon).error(),
            "it is of another provider than runpod");
}

// What a release writes, the next one of the same format has to read: a change of any byte here is
// another format. UPDATE_GOLDEN=1 writes it.
TEST(Handover, TheFormatIsTheOneOfThatNumber) {
  const std::string path = SOURCE_DIR "/tests/fuzz/corpus/handover/full";
  const auto content = content_of(pack_one(full_endpoint()));
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << content;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(content == golden);
  EXPECT_EQ(difference(*read(gzip(golden)).at("e1").state, full_endpoint()), "");
}

TEST(Handover, ADamagedTextIsRefused) {
  const auto text = pack_one(full_endpoint());
  int harmless = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto heirlooms = unpack(damaged, den(), kNoon);
    // Some bits say nothing of the text: in the header its time, in deflate what fills a byte up.
    if (heirlooms) ++harmless;
    ASSERT_TRUE(!heirlooms || *heirlooms->at("e1").state == *read(text).at("e1").state) << i;
    EXPECT_EQ(refusal(text.substr(0, i)), "it is damaged, or too large") << i;
  }
  EXPECT_LT(harmless, 15);
  EXPECT_EQ(refusal(text + "x"), "it is damaged, or too large");
}

TEST(Handover, ATextThatEndsTooEarlyIsRefusedWhereverItDoes) {
  const auto content = content_of(pack_one(full_endpoint()));
  for (std::size_t length = 31; length < content.size(); ++length) {
    const auto heirlooms = unpack(gzip(content.substr(0, length)), den(), kNoon);
    // With the head only there are no endpoints.
    EXPECT_EQ(heirlooms.has_value(), length == kHead) << length;
    EXPECT_TRUE(!heirlooms || heirlooms->empty()) << length;
  }
}

TEST(Handover, ABombIsNotInflated) {
  const auto text = gzip(content_of(pack_one(full_endpoint())) + std::string(600'000, '\0'));
  EXPECT_LT(text.size(), 10'000U);
  EXPECT_EQ(refusal(text), "it is damaged, or too large");
  EXPECT_EQ(refusal(std::string(kMostHandoverBytes + 1, 'x')), "it is damaged, or too large");
}

TEST(Handover, ATextHasNoMoreWorkersThanItMay) {
  const auto one = content_of(pack_one(endpoint_of("a", 6'000)));
  const auto other = content_of(pack_one(endpoint_of("b", 6'000)));
  const auto refused = unpack(gzip(one + other.substr(kHead)), den(), kNoon);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().starts_with("it makes no sense at byte ")) << refused.error();
  const auto fewer = content_of(pack_one(endpoint_of("b", 4'000)));
  EXPECT_EQ(read(gzip(one + fewer.substr(kHead))).size(), 2U);
}

TEST(Handover, ValuesThatCannotBeAreRefused) {
  const auto refused = [](auto change) {
    auto state = full_endpoint();
    change(state);
    const auto text = pack_one(state);
    return !unpack(text, den(), kNoon).has_value();
  };
  EXPECT_FALSE(refused([](EndpointState&) {}));
  EXPECT_TRUE(refused([](EndpointState& state) { state.missing_listings = -1; }));
  EXPECT_TRUE(refused([](EndpointState& state) { state.disagreement.polls = 2'000'000'000; }));
  EXPECT_TRUE(refused([](EndpointState& state) { state.disagreement.since = Time::max(); }));
  EXPECT_TRUE(refused([](EndpointState& state) { state.disagreement.since = Time::min(); }));
  EXPECT_TRUE(refused([](EndpointState& state) { state.completed.value = -1; }));
  EXPECT_TRUE(
      refused([](EndpointState& state) { state.queue->workers[1] = (std::int64_t{1} << 53) + 1; }));
  EXPECT_TRUE(refused(
      [](EndpointState& state) { state.workers.edit()[0].status = static_cast<Status>(8); }));
  EXPECT_TRUE(refused(
      [](EndpointState& state) { state.workers.edit()[0].staleness = static_cast<Staleness>(5); }));
  EXPECT_TRUE(refused([](EndpointState& state) { state.workers.edit()[0].reported.id = "w9"; }))
      << "lists are in order";
}

TEST(Handover, ATextThatWasPackedAtNoTimeIsRefused) {
  const auto text = pack(account_of({named_endpoint("a")}), {"a"}, {.wall = Time::max()});
  EXPECT_TRUE(refusal(text.texts.at(0)).starts_with("it makes no sense at byte "));
}

TEST(Handover, AgesBeyondTenYearsAreTenYears) {
  auto state = full_endpoint();
  state.workers.edit()[0].heartbeat.changed = kNoon.mono - std::chrono::days{36'600};
  state.workers.edit()[0].activity.changed = kNoon.mono + 5s;
  const auto after = unpacked(state);
  EXPECT_EQ(after.workers[0].heartbeat.changed, kNoon.mono - std::chrono::days{3660});
  EXPECT_EQ(after.workers[0].activity.changed, kNoon.mono);
}

// The fuzz target does the same for longer.
TEST(Handover, WhateverATextHoldsItIsReadOrRefused) {
  std::mt19937 random(20261126);  // NOLINT: a test must be repeatable
  const auto content = content_of(pack_one(full_endpoint()));
  int read = 0;
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    auto other = content;
    for (auto times = 1 + random() % 4; times > 0; --times) {
      other[kHead + random() % (other.size() - kHead)] = static_cast<char>(random() % 256);
    }
    const auto heirlooms = unpack(gzip(other), den(), kNoon);
    ++(heirlooms ? read : refused);
    if (!heirlooms) continue;
    // What was accepted may be handed on.
    const auto account = take_over(account_of({}), *heirlooms);
    std::set<std::string> ids;
    for (const auto& [id, heirloom] : *heirlooms) ids.insert(id);
    const auto again = unpack(pack(account, ids, kNoon).texts.at(0), den(), kNoon);
    ASSERT_TRUE(again.has_value()) << again.error();
    for (const auto& [id, heirloom] : *heirlooms) {
      ASSERT_EQ(difference(*again->at(id).state, *heirloom.state), "") << round;
    }
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace serverless::daemon
