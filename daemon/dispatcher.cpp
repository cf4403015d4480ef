#include "daemon/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include "daemon/clock.hpp"
#include "daemon/log.hpp"
#include "daemon/pace.hpp"
#include "daemon/reconcile.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;

// Sleeps until that moment or a stop.
void sleep_until(Mono moment, const std::stop_token& stop) {
  if (moment <= read_clock().mono) return;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, moment - read_clock().mono, [] { return false; });
}

// Somebody else may have our place by now: whether that is so will be known in a moment.
Error without_lease() {
  return {.reason = Reason::internal,
          .detail = "the lease of this member is over",
          .retry_after = std::chrono::seconds{1}};
}

milliseconds gap_of(const Provider& provider, const std::string& operation) {
  for (const auto& spacing : provider.policy.spacings) {
    if (spacing.operation == operation) return spacing.gap;
  }
  return milliseconds{0};
}

// Starts and pages are worth a walk over all endpoints, and an answer is worth the waking of a
// thread; a large fleet has one every few milliseconds: what comes so close together has one walk.
// What follows at once finds in the processor's caches what the one before it needed.
constexpr milliseconds kTakeTogether{100};
// Where a poll waits for the end of another one.
constexpr milliseconds kTakeTogetherHeld{10};
constexpr milliseconds kStartTogether{250};
// A page is dearer by far, the more so the more endpoints there are: those that stand in one block
// are asked within a second or two, and each page between makes the block anew.
constexpr milliseconds kPublishTogether{250};
constexpr milliseconds kPublishWithin{2000};
constexpr milliseconds kEachEndpoint{1};

// After this moment the statuses of an endpoint rest on a queue's view that has expired.
Mono end_of_queue_view(const EndpointState& endpoint) {
  const auto* queue = endpoint.source(Source::queue);
  const auto told = queue == nullptr ? std::nullopt : last_told(*queue);
  if (!endpoint.queue_used || !told) return Mono::max();
  return *told + queue->max_age + milliseconds{1};
}

// Which endpoints there are, or what they are.
bool tells_of_endpoints(const Poll& poll) {
  return poll.listing ||
         std::any_of(poll.answers.begin(), poll.answers.end(),
                     [](const Answer& answer) { return answer.source == Source::catalog; });
}

const Skipped* skipped_of(const Report& report) {
  return std::visit(
      [](const auto& value) -> const Skipped* {
        if constexpr (requires { value.skipped; }) {
          return &value.skipped;
        } else if constexpr (requires { value->skipped; }) {
          return value ? &value->skipped : nullptr;
        } else {
          return nullptr;
        }
      },
      report);
}

}  // namespace

/// The port to the world for one poll: adds the key, keeps distances, counts.
class Dispatcher::AccountClient final : public http::Client {
 public:
  /// @param records  its answers go to other members.
  AccountClient(Dispatcher& owner, std::stop_token stop, bool records)
      : owner_(owner), stop_(std::move(stop)), records_(records) {}

  Result<http::Response> send(const http::Request& request) override {
    const auto& setup = owner_.setup_;
    const auto gap = gap_of(*setup.provider, request.operation);
    const auto turn = owner_.machinery_.gate.book(owner_.setup_.quota_group, request.api,
                                                  request.operation, gap, read_clock().mono);
    if (!turn) return withhold(turn.error());
    for (Mono wake = *turn, now{}; now < wake;) {
      sleep_until(wake, stop_);
      if (stop_.stop_requested()) {
        owner_.machinery_.gate.give_back(owner_.setup_.quota_group, request.operation, *turn);
        return fail(Reason::internal, "stopping");
      }
      now = read_clock().mono;
      const auto departs = owner_.machinery_.gate.depart(owner_.setup_.quota_group, request.api,
                                                         request.operation, gap, *turn, now);
      if (!departs) return withhold(departs.error());
      wake = *departs;
    }
    const auto key = owner_.key_.current();
    secret_ = key.secret;
    generation_ = key.generation;
    const Now sent = read_clock();
    const auto& lease = owner_.machinery_.lease;
    if (lease.is_over(sent.mono)) return withhold(without_lease());
    if (!first_sent_) first_sent_ = sent;
    auto response = owner_.machinery_.http.send(request, key.secret,
                                                {.timeout = setup.account.poll.timeout,
                                                 .max_body = setup.account.poll.max_body,
                                                 .start_before = lease.end()},
                                                stop_);
    if (!response && lease.is_over(read_clock().mono)) return withhold(without_lease());
    if (response && response->status == 401) owner_.key_.refused();
    note(request, response, sent, read_clock());
    if (records_ && response) {
      recorded_.push_back({.method = request.method, .url = request.url, .response = *response});
    }
    return response;
  }

  [[nodiscard]] const std::optional<Now>& first_sent() const { return first_sent_; }
  /// For how long nothing may be sent, if that kept a request of the poll back.
  [[nodiscard]] const std::optional<milliseconds>& withheld() const { return withheld_; }

  /// An error's words may be the provider's, which may quote the key.
  void redact(Poll& poll) const {
    for (auto& answer : poll.answers) {
      if (answer.result) continue;
      auto& detail = answer.result.error().detail;
      detail = without_key(std::move(detail), secret_);
    }
  }

  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  /// For how long a cache had kept the oldest answer.
  [[nodiscard]] std::chrono::seconds cached() const { return cached_; }
  std::vector<Exchange> take_exchanges() { return std::move(exchanges_); }
  std::vector<Passed::Exchange> take_recorded() { return std::move(recorded_); }

 private:
  tl::unexpected<Error> withhold(const Error& error) {
    withheld_ = error.retry_after;
    return tl::make_unexpected(error);
  }

  void note(const http::Request& request, const Result<http::Response>& response, Now sent,
            Now landed) {
    Exchange exchange{.api = request.api,
                      .operation = request.operation,
                      .duration = landed.mono - sent.mono,
                      .landed = landed.mono};
    if (response) {
      exchange.code = std::to_string(response->status);
      exchange.body_bytes = response->body.size();
      cached_ = std::max(cached_, response->age());
      if (const auto date = response->date()) exchange.skew = *date - landed.wall;
      exchange.windows = http::parse_rate_limit(response->header("ratelimit-policy"),
                                                response->header("ratelimit"));
    } else {
      exchange.code = name(response.error().reason);
    }
    exchanges_.push_back(std::move(exchange));
  }

  Dispatcher& owner_;
  std::stop_token stop_;
  bool records_;
  std::vector<Passed::Exchange> recorded_{};
  std::optional<Now> first_sent_{};
  std::optional<milliseconds> withheld_{};
  std::uint64_t generation_ = 0;
  std::chrono::seconds cached_{0};
  config::Secret secret_{};
  std::vector<Exchange> exchanges_{};
};

bool same_place(const AccountSetup& one, const AccountSetup& other) {
  if (one.provider != other.provider) return false;
  const auto& keys = one.provider->keys;
  return std::all_of(keys.begin(), keys.end(), [&](const config::KeySpec& key) {
    const auto value = [&](const AccountSetup& setup) {
      const auto found = setup.account.settings.find(key.name);
      return found == setup.account.settings.end() ? key.fallback : found->second;
    };
    return key.type != config::KeySpec::Type::url || value(one) == value(other);
  });
}

Dispatcher::Dispatcher(AccountSetup setup, const Machinery& machinery,
                       std::optional<Inheritance> before)
    : setup_(std::move(setup)),
      machinery_(machinery),
      key_(setup_.account.name, setup_.account.key, setup_.key),
      collector_(setup_.provider->make(setup_.account)) {
  prepare(std::move(before));
  add_fetcher();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Dispatcher::~Dispatcher() { request_stop(); }

void Dispatcher::request_stop() {
  thread_.request_stop();
  stop_fetchers_.request_stop();
}

Inheritance Dispatcher::release() {
  request_stop();
  thread_ = {};
  fetchers_.clear();
  return {.account = std::move(account_),
          .pacing = std::move(pacing_),
          .learned = std::move(schedule_.tempo)};
}

Context Dispatcher::context() const {
  return {.provider = setup_.provider, .series = setup_.series};
}

void Dispatcher::add_fetcher() {
  fetchers_.emplace_back([this, stop = stop_fetchers_.get_token()] { fetch(stop); });
}

// Hardly any account ever has max_in_flight requests under way, and threads are not free.
void Dispatcher::keep_enough_fetchers() {
  try {
    while (fetchers_.size() < under_way_) add_fetcher();
  } catch (const std::system_error& error) {
    // What was ordered waits for those that there are.
    if (!noted_.insert("fetcher").second) return;
    log::error("too_few_threads", {{"account", account_.name},
                                   {"have", std::to_string(fetchers_.size())},
                                   {"wanted", std::to_string(under_way_)},
                                   {"detail", error.what()}});
  }
}

void Dispatcher::fetch(const std::stop_token& stop) {
  name_thread("fetch " + setup_.account.name);
  while (const auto order = orders_.take(stop)) results_.put(observe(*order, stop));
}

Observation Dispatcher::observe(const Order& order, const std::stop_token& stop) {
  const auto& target = order.target;
  const bool passes_on = target.endpoint_id.empty() && setup_.share.is_passed_on();
  AccountClient client(*this, stop, passes_on);
  Observation observation{.target = target, .sent = read_clock()};
  const auto fail_all = [&](const std::string& detail) {
    observation.poll = {};
    for (const Source source : target.supplies) {
      observation.poll.answers.push_back({.endpoint_id = target.endpoint_id,
                                          .source = source,
                                          .result = fail(Reason::internal, detail)});
    }
  };
  // The one catch: a bug in a collector is a failed poll, not the end of the process.
  try {
    observation.poll = collector_->poll(target, client);
    const bool silent = observation.poll.answers.empty() && !observation.poll.listing;
    if (silent) fail_all("the collector has no answer");
    observation.poll = assign(std::move(observation.poll), setup_.share);
    if (passes_on && !failed(observation.poll)) {
      machinery_.pass_on(without_what_nobody_reads(
          {.account = setup_.account.name,
           .target = key_of(target),
           .sent = client.first_sent().value_or(observation.sent).wall - client.cached(),
           .interval = order.interval,
           .exchanges = client.take_recorded()},
          setup_.provider->read_of_lists));
    }
  } catch (const std::exception& error) {
    fail_all(error.what());
  }
  client.redact(observation.poll);
  observation.sent = client.first_sent().value_or(observation.sent);
  observation.landed = read_clock();
  observation.exchanges = client.take_exchanges();
  observation.key_generation = client.generation();
  observation.cached = client.cached();
  if (learned_nothing(observation.poll)) observation.withheld = client.withheld();
  // At once, and not when the dispatcher takes the answer: others wait for their turn at the gate.
  if (const auto wait = wait_after(observation, {}, setup_.account.poll.interval);
      wait && !client.withheld()) {
    machinery_.gate.close(setup_.quota_group, refused_scope(target, setup_.provider->policy),
                          observation.landed.mono + *wait);
  }
  return observation;
}

// Before any thread starts: the page of a reloaded account has no gap.
void Dispatcher::prepare(std::optional<Inheritance> before) {
  account_ = initial_account(setup_.account.name, *setup_.provider,
                             assign(collector_->configured(), setup_.share),
                             setup_.provider->discovers && setup_.account.endpoints.empty());
  account_.divided = setup_.share.whole.empty() && setup_.share.division.members().size() > 1;
  if (before) account_ = inherit(std::move(account_), before->account);
  const auto is_another = [&](const auto& entry) { return !setup_.share.has(entry.first); };
  erase_if(account_.endpoints, is_another);
  std::erase_if(account_.heirlooms, is_another);
  if (before && before->new_view) expect_baseline(account_);
  if (before) {
    schedule_.tempo.allowances = std::move(before->learned.allowances);
    schedule_.tempo.requests = std::move(before->learned.requests);
  }
  refresh_targets();
  if (before) {
    pacing_ = resume(std::move(before->pacing), schedule_, read_clock().mono);
    pacing_ =
        carry_on(std::move(pacing_), schedule_, polled_elsewhere(account_, schedule_.targets));
  }
  const auto tells = [](const Target& target) {
    return target.endpoint_id.empty() && std::find(target.supplies.begin(), target.supplies.end(),
                                                   Source::catalog) != target.supplies.end();
  };
  const bool discovers = std::any_of(schedule_.targets.begin(), schedule_.targets.end(), tells) ||
                         std::any_of(heard_.targets.begin(), heard_.targets.end(), tells);
  account_.discovered = account_.discovered || !discovers;
  publish();
}

void Dispatcher::run(const std::stop_token& stop) {
  const Pulse pulse(machinery_.pulses, "poll " + account_.name, read_clock().mono);
  start_due(read_clock().mono);
  while (!stop.stop_requested()) {
    pulse.beat(read_clock().mono);
    auto observations = results_.take_all(stop, take_from(), next_wake());
    for (auto& observation : observations) {
      // What was under way when a stop was asked for says nothing of the provider.
      if (stop.stop_requested()) return;
      take(std::move(observation));
    }
    if (stop.stop_requested()) return;
    if (!observations.empty()) {
      taken_at_ = read_clock().mono;
      // Nothing comes that could share its page.
      if (under_way_ == 0) publish_at_ = publish_from_;
      keep_to_quota(read_clock());
    }
    if (std::exchange(endpoints_told_, false)) {
      refresh_targets();
      hear_of_new_endpoints();
    }
    const Now now = read_clock();
    if (now.mono >= settle_at_) settle_expired(now);
    if (now.mono >= start_at_) start_due(now.mono);
    if (must_publish(now.mono)) publish();
  }
}

void Dispatcher::take(Observation observation) {
  if (observation.heard) return take_heard(std::move(observation));
  const auto& target = observation.target;
  --under_way_;
  note_key(observation);
  const auto changed = apply(account_, observation, [this](const Target& polled, Source source) {
    return pace_of(polled, source);
  });
  for (const auto& id : changed) {
    const auto endpoint = account_.endpoints.find(id);
    if (endpoint == account_.endpoints.end()) continue;
    settle_at_ = std::min(settle_at_, end_of_queue_view(*endpoint->second));
  }
  note_news();
  if (observation.withheld) {
    pacing_ = postponed(std::move(pacing_), target);
    start_at_ = Mono{};
    leave_alone(target, observation.landed, *observation.withheld);
    return;
  }
  endpoints_told_ = endpoints_told_ || tells_of_endpoints(observation.poll);
  log_answers(observation);
  pacing_ =
      finished(std::move(pacing_), schedule_, target, read_clock().mono, failed(observation.poll));
  const auto pace = pacing_.targets.find(key_of(target));
  if (held_) start_at_ = Mono{};
  if (pace != pacing_.targets.end()) start_at_ = std::min(start_at_, pace->second.due);
  note_backoff(observation);
  if (learn_requests(schedule_.tempo, observation)) {
    reschedule(schedule_.targets, schedule_.tempo.allowances);
  }
}

// What was taken already tells of endpoints that are new to this member, and else nothing.
void Dispatcher::take_heard(Observation observation) {
  auto& last = account_.heard[key_of(observation.target)];
  // Unless the clock of the last was ahead: that must not keep everything else out.
  if (observation.sent.wall < last.sent && last.sent <= observation.landed.wall) return;
  observation.again = observation.sent.wall == last.sent;
  last = {.sent = observation.sent.wall, .interval = *observation.heard};
  apply_heard(observation);
  endpoints_told_ = endpoints_told_ || tells_of_endpoints(observation.poll);
  last_heard_[key_of(observation.target)] = std::move(observation);
}

void Dispatcher::apply_heard(const Observation& observation) {
  apply(account_, observation,
        [this](const Target& polled, Source source) { return pace_of(polled, source); });
  note_news();
}

// The bills of endpoints may have come before the list of them.
void Dispatcher::hear_of_new_endpoints() {
  for (auto& [key, observation] : last_heard_) {
    observation.again = true;
    apply_heard(observation);
  }
}

void Dispatcher::hear(const Passed& passed) {
  const std::vector any{EndpointInfo{.id = "1"}};
  const auto targets = collector_->targets(any);
  const auto target = std::find_if(targets.begin(), targets.end(), [&](const Target& candidate) {
    return candidate.endpoint_id.empty() && key_of(candidate) == passed.target;
  });
  if (target == targets.end() || !setup_.share.is_passed_on()) return;
  const Now now = read_clock();
  // By its age: the other's monotonic clock counts from somewhere else.
  const auto age = std::max<std::chrono::nanoseconds>(now.wall - passed.sent, {});
  Observation observation{.target = *target,
                          .sent = {.mono = now.mono - age, .wall = passed.sent},
                          .landed = now,
                          .heard = passed.interval};
  Replay replay(passed);
  try {
    observation.poll = assign(collector_->poll(*target, replay), setup_.share);
  } catch (const std::exception& error) {
    log::error("answer_not_heard", {{"account", passed.account}, {"detail", error.what()}});
    return;
  }
  results_.put(std::move(observation));
}

Mono Dispatcher::take_from() const {
  if (under_way_ == 0) return {};
  return taken_at_ + (held_ ? kTakeTogetherHeld : kTakeTogether);
}

Mono Dispatcher::next_wake() const {
  Mono wake = std::min({start_at_, settle_at_, read_clock().mono + Pulses::kBeat});
  if (news_) wake = std::min(wake, publish_at_);
  if (published_->expires != Mono::max()) {
    wake = std::min(wake, published_->expires + milliseconds{1});
  }
  return wake;
}

// What rests on the queue's view must not outlive it; without it there is still the lifecycle.
void Dispatcher::settle_expired(Now now) {
  settle_at_ = Mono::max();
  for (auto& [id, endpoint] : account_.endpoints) {
    const Mono end = end_of_queue_view(*endpoint);
    if (end > now.mono) {
      settle_at_ = std::min(settle_at_, end);
      continue;
    }
    endpoint = std::make_shared<const EndpointState>(settle(*endpoint, now));
    news_ = true;
    publish_at_ = now.mono;
  }
}

// What another member asks comes as often as that one says.
milliseconds Dispatcher::interval_of(const Target& target) const {
  const auto own = schedule_.intervals.find(target.operation);
  if (own != schedule_.intervals.end()) return own->second;
  const auto told = account_.heard.find(key_of(target));
  if (told != account_.heard.end()) return told->second.interval;
  const auto planned = heard_.intervals.find(target.operation);
  return planned != heard_.intervals.end() ? planned->second : setup_.account.poll.interval;
}

Pace Dispatcher::pace_of(const Target& target, Source) const {
  const auto interval = interval_of(target);
  return {.interval = interval, .max_age = max_age(interval, schedule_.tempo)};
}

void Dispatcher::refresh_targets() {
  const auto all = collector_->targets(endpoint_infos(account_));
  auto targets = assign(all, setup_.share);
  heard_.targets = heard(all, setup_.share);
  if (targets == schedule_.targets) return;
  const auto before = schedule_.intervals;
  reschedule(std::move(targets), schedule_.tempo.allowances);
  for (const auto& [operation, interval] : schedule_.intervals) {
    const auto old = before.find(operation);
    if (old != before.end() && old->second == interval) continue;
    log::info("poll_interval", {{"account", account_.name},
                                {"operation", operation},
                                {"interval", fmt::format("{}ms", interval.count())}});
    const auto& wanted = setup_.account.poll.max_age;
    const auto served = max_age(interval, schedule_.tempo);
    if (wanted && served > *wanted) {
      log::warn("max_age_raised", {{"account", account_.name},
                                   {"operation", operation},
                                   {"configured", fmt::format("{}ms", wanted->count())},
                                   {"used", fmt::format("{}ms", served.count())}});
    }
  }
}

void Dispatcher::reschedule(std::vector<Target> targets,
                            std::map<std::string, Allowance> allowances) {
  auto tempo = tempo_of(setup_.account, *setup_.provider, setup_.sharers);
  tempo.allowances = std::move(allowances);
  tempo.requests = schedule_.tempo.requests;
  const auto before = std::exchange(schedule_, schedule(std::move(targets), tempo));
  heard_ = schedule(std::move(heard_.targets), tempo);
  pacing_ = rescale(std::move(pacing_), before, schedule_, read_clock().mono);
  pacing_ = carry_on(std::move(pacing_), schedule_, polled_elsewhere(account_, schedule_.targets));
  auto known = schedule_.targets;
  known.insert(known.end(), heard_.targets.begin(), heard_.targets.end());
  adopt_targets(account_, known,
                [this](const Target& target, Source source) { return pace_of(target, source); });
  start_at_ = Mono{};
  settle_at_ = Mono{};
  note_news();
}

// Slows all of an API's polls alike when its quota cannot carry them, and stops them while no more
// than the reserve is left.
void Dispatcher::keep_to_quota(Now now) {
  auto revision = revise(schedule_.tempo.allowances, account_.apis, schedule_,
                         setup_.account.poll.quota_reserve, now.mono);
  for (const auto& [api, until] : revision.closed) close(api, api, now, until - now.mono);
  for (const auto& api : revision.stretched) {
    log::warn(
        "quota_stretches_polling",
        {{"account", account_.name},
         {"api", api},
         {"wanted_per_minute", fmt::format("{:.1f}", schedule_.demand.at(api) * 60)},
         {"allowed_per_minute", fmt::format("{:.1f}", revision.allowances.at(api).rate * 60)}});
  }
  if (revision.changed) reschedule(schedule_.targets, std::move(revision.allowances));
}

void Dispatcher::start_due(Mono now) {
  auto result = plan(std::move(pacing_), schedule_, now);
  pacing_ = std::move(result.next);
  under_way_ += result.start.size();
  keep_enough_fetchers();
  held_ = result.held;
  start_at_ = result.wake ? std::max(*result.wake, now + kStartTogether) : Mono::max();
  if (!result.start.empty()) taken_at_ = now;
  for (const auto index : result.start) {
    const auto& target = schedule_.targets[index];
    orders_.put({.target = target, .interval = interval_of(target)});
  }
}

// Another key may show another fleet: what differs from now on is no change that we saw.
void Dispatcher::note_key(const Observation& observation) {
  if (observation.key_generation <= key_generation_) return;
  key_generation_ = observation.key_generation;
  expect_baseline(account_);
}

void Dispatcher::note_backoff(const Observation& observation) {
  const auto& target = observation.target;
  const auto interval = pace_of(target, target.supplies.front()).interval;
  if (const auto wait = wait_after(observation, account_.apis[target.api], interval)) {
    leave_alone(target, observation.landed, *wait);
  }
}

void Dispatcher::leave_alone(const Target& target, Now now, std::chrono::nanoseconds wait) {
  close(target.api, refused_scope(target, setup_.provider->policy), now, wait);
}

void Dispatcher::close(const std::string& api, const std::string& scope, Now now,
                       std::chrono::nanoseconds wait) {
  const Mono until = now.mono + wait;
  const auto known = pacing_.paused.find(scope);
  if (known != pacing_.paused.end() && known->second >= until) return;
  pacing_ = pause(std::move(pacing_), schedule_, scope, until, now.mono);
  start_at_ = Mono{};
  machinery_.gate.close(setup_.quota_group, scope, until);
  auto& shown = account_.apis[api].backoff_until;
  shown = std::max(shown.value_or(Time{}), now.wall + std::chrono::ceil<milliseconds>(wait));
}

void Dispatcher::log_answers(const Observation& observation) {
  const auto& target = observation.target;
  for (const auto& answer : observation.poll.answers) {
    const std::string id = answer.endpoint_id.empty() ? "*" : answer.endpoint_id;
    const std::string subject = fmt::format("{}/{}/{}", target.operation, id, name(answer.source));
    if (answer.result) {
      if (failing_.erase(subject) > 0) {
        log::info("poll_recovered", {{"account", account_.name},
                                     {"endpoint_id", id},
                                     {"source", std::string(name(answer.source))}});
      }
      const auto* skipped = skipped_of(*answer.result);
      for (std::size_t i = 0; skipped != nullptr && i < kSkipCount; ++i) {
        if (skipped->counts[i] == 0) continue;
        if (!noted_.insert(fmt::format("{}/{}", subject, kSkipNames[i])).second) continue;
        log::warn("record_skipped", {{"account", account_.name},
                                     {"endpoint_id", id},
                                     {"source", std::string(name(answer.source))},
                                     {"reason", std::string(kSkipNames[i])},
                                     {"where", skipped->first[i]}});
      }
      continue;
    }
    if (!failing_.insert(subject).second) continue;
    const auto& error = answer.result.error();
    log::warn("poll_failed", {{"account", account_.name},
                              {"endpoint_id", id},
                              {"source", std::string(name(answer.source))},
                              {"operation", target.operation},
                              {"reason", std::string(name(error.reason))},
                              {"detail", error.detail}});
  }
}

void Dispatcher::note_news() {
  if (std::exchange(news_, true)) return;
  publish_at_ = std::max(publish_from_, read_clock().mono + kPublishTogether);
}

bool Dispatcher::must_publish(Mono now) const {
  return (news_ && now >= publish_at_) || now > published_->expires;
}

void Dispatcher::publish() {
  auto page =
      std::make_shared<AccountPage>(make_page(account_, context(), read_clock(), published_.get()));
  page->next_polls.reserve(pacing_.targets.size());
  for (const auto& [key, pace] : pacing_.targets) {
    page->next_polls.emplace(key, Due{.at = pace.due, .in_flight = pace.in_flight});
  }
  published_ = std::move(page);
  machinery_.store.publish(published_);
  news_ = false;
  const auto together = kEachEndpoint * std::ssize(account_.endpoints);
  publish_from_ = read_clock().mono + std::clamp(together, kPublishTogether, kPublishWithin);
}

}  // namespace serverless::daemon
