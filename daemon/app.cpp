#include "daemon/app.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "collectors/registry.hpp"
#include "config/write.hpp"
#include "daemon/clock.hpp"
#include "daemon/exposure.hpp"
#include "daemon/forecast.hpp"
#include "daemon/handover.hpp"
#include "daemon/keys.hpp"
#include "daemon/log.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::seconds;

// --once waits this long beyond the longest first round of polls.
constexpr seconds kOnceGrace{60};

std::string user_agent() {
  return fmt::format("serverless_exporter/{} (Prometheus exporter)", version());
}

// Accounts of the same provider and quota group share a quota, as far as the text tells; so do all
// members that ask one of them.
std::uint32_t sharers_of(const config::Account& account, const config::Config& config,
                         const Division& division) {
  std::uint32_t sharers = 0;
  for (const auto& other : config.accounts) {
    const bool shares = !account.quota_group.empty() && other.quota_group == account.quota_group &&
                        other.provider == account.provider;
    if (!shares && other.name != account.name) continue;
    sharers += share_of(other, *find_provider(other.provider), division).askers;
  }
  return sharers;
}

// The same word at another provider is another group. Without a word an account shares with nobody.
std::string quota_group_of(const config::Account& account) {
  return account.quota_group.empty()
             ? fmt::format("{}/account {}", account.provider, account.name)
             : fmt::format("{}/group {}", account.provider, account.quota_group);
}

// Series that nobody asked for are not withheld.
config::Limits limits_of(const config::Config& config) {
  constexpr config::Limits kNone{
      .workers_per_endpoint = 0, .workers_per_account = 0, .workers_total = 0};
  return config.series.workers ? config.limits : kNone;
}

void find_twins(const std::vector<AccountSetup>& accounts, const std::string& file,
                std::vector<config::Problem>& problems) {
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& one = accounts[j].account;
      const auto& other = accounts[i].account;
      const bool apart = !one.endpoints.empty() && !other.endpoints.empty();
      if (apart || one.provider != other.provider || !(accounts[j].key == accounts[i].key) ||
          (one.allow_overlap && other.allow_overlap) || accounts[i].key.empty()) {
        continue;
      }
      problems.push_back(
          {.file = file,
           .what = fmt::format("accounts '{}' and '{}' have the same key: every sum would count "
                               "their workers twice; name different endpoints, or set "
                               "allow_overlap = true in both",
                               one.name, other.name)});
    }
  }
}

std::chrono::nanoseconds longest_interval(const Pages& pages) {
  std::chrono::nanoseconds longest{0};
  for (const auto& account : pages) {
    for (const auto& [id, endpoint] : account->state.endpoints) {
      for (const auto& source : endpoint->sources) {
        if (source && !source->last_attempt) {
          longest = std::max<std::chrono::nanoseconds>(longest, source->interval);
        }
      }
    }
  }
  return longest;
}

std::set<std::string> ids_of(const AccountState& account) {
  std::set<std::string> ids;
  for (const auto& [id, endpoint] : account.endpoints) ids.insert(id);
  for (const auto& [id, heirloom] : account.heirlooms) ids.insert(id);
  return ids;
}

// What other members knew of this one's endpoints.
Heirlooms unpack_all(const AccountSetup& setup, const Handed& handed, Now now) {
  AccountState account;
  const auto texts = handed.find(setup.account.name);
  if (texts == handed.end()) return {};
  for (const auto& text : texts->second) {
    auto heirlooms = unpack(text, *setup.provider, now);
    if (!heirlooms) {
      log::warn("not_taken_over", {{"account", setup.account.name}, {"detail", heirlooms.error()}});
      continue;
    }
    std::erase_if(*heirlooms, [&](const auto& entry) { return !setup.share.has(entry.first); });
    account = take_over(std::move(account), *heirlooms);
  }
  return std::move(account.heirlooms);
}

void answer(const std::vector<Respond>& waiters, int status, const std::string& text) {
  for (const auto& respond : waiters) respond(text_reply(status, text));
}

ConnectionLimits limits_of(const config::Web& web) {
  return {.connections = web.max_connections,
          .per_address = web.max_connections_per_address,
          .answers = web.max_concurrent_scrapes};
}

}  // namespace

tl::expected<Loaded, Problems> set_up(config::Config config, const std::string& file,
                                      const Members& members) {
  std::vector<AccountSetup> accounts;
  Problems problems;
  for (const auto& account : config.accounts) {
    auto key = read_key(account.key);
    if (!key) {
      problems.push_back(
          {.file = file, .what = fmt::format("account '{}': {}", account.name, key.error())});
    }
    accounts.push_back({.account = account,
                        .provider = find_provider(account.provider),
                        .key = key ? std::move(*key) : config::Secret{},
                        .quota_group = quota_group_of(account),
                        .series = config.series});
  }
  find_twins(accounts, file, problems);
  auto admission = read_admission(config.web);
  if (!admission) {
    for (auto& what : admission.error()) {
      problems.push_back({.file = file, .what = "[web]: " + std::move(what)});
    }
  }
  if (!problems.empty()) return tl::make_unexpected(std::move(problems));
  return Loaded{.config = std::move(config),
                .accounts = std::move(accounts),
                .admission = std::move(*admission),
                .members = members};
}

std::vector<AccountSetup> divide(std::vector<AccountSetup> accounts, const config::Config& config,
                                 const Division& division) {
  for (auto& setup : accounts) {
    setup.sharers = sharers_of(setup.account, config, division);
    setup.share = share_of(setup.account, *setup.provider, division);
  }
  std::erase_if(accounts, [](const AccountSetup& setup) { return !setup.share.any; });
  return accounts;
}

std::string forecast_text(const config::Config& config, const Members& members) {
  std::string text;
  for (const auto& account : config.accounts) {
    const auto& provider = *find_provider(account.provider);
    text += forecast(account, provider, sharers_of(account, config, members),
                     share_of(account, provider, members));
  }
  if (config.cluster) {
    text += fmt::format("cluster {}: this is the plan of a single exporter; the members share it\n",
                        config.cluster->name);
  }
  return text;
}

App::App(Loaded loaded)
    : config_(std::move(loaded.config)),
      started_(read_clock().mono),
      lifecycle_(config_.web.enable_lifecycle),
      connections_(limits_of(config_.web),
                   [this](Refusal why, const std::string& address, const std::string& detail) {
                     refusals_.note(why, address, read_clock().mono, detail);
                   }),
      access_(config_.web, std::move(loaded.admission), self_),
      store_(limits_of(config_)),
      routes_(store_, self_, started_, [this] { return ask_for_reload(); }),
      http_(user_agent(), pulses_),
      machinery_{.http = http_,
                 .gate = gate_,
                 .store = store_,
                 .pulses = pulses_,
                 .lease = store_.lease(),
                 .pass_on = [this](Passed passed) { cluster_->pass_on(std::move(passed)); }},
      server_([this](const HttpRequest& request) { return routes_.handle(request); }, connections_,
              access_, pulses_) {
  self_.note_reload(true, unix_seconds(read_clock().wall));
  accounts_ = std::move(loaded.accounts);
  join(config_.cluster, loaded.members);
}

App::~App() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  answer(take_waiters(), 503, "stopping\n");
  if (cluster_) cluster_->stop();
  // All are asked before any is waited for: one that hangs must not hold up the others.
  for (auto& dispatcher : dispatchers_) dispatcher->request_stop();
  // They pass on to the cluster, which is gone before them otherwise.
  dispatchers_.clear();
}

void App::serve() {
  server_.bind(config_.web.listen);
  server_.serve(config_.web.listen);
  serving_ = true;
  warn_of_exposure();
}

void App::warn_of_exposure() const {
  for (const auto& [address, what] : exposures(config_.web)) {
    log::warn("exposed", {{"address", address}, {"detail", what}});
  }
}

std::vector<AccountState> App::swap_accounts(std::vector<AccountSetup> accounts,
                                             const Handed& handed) {
  std::map<std::string, std::unique_ptr<Dispatcher>> before;
  for (auto& dispatcher : dispatchers_) {
    const auto name = dispatcher->setup().account.name;
    before.emplace(name, std::move(dispatcher));
  }
  dispatchers_.clear();
  account_count_ = accounts.size();
  routes_.set_terms({.accounts = division_.is_in() ? std::optional(accounts.size()) : std::nullopt,
                     .config = config::to_toml(config_),
                     .members = cluster_ ? Members{} : division_.members()});
  std::vector<AccountSetup> changed;
  for (auto& setup : accounts) {
    const auto old = before.find(setup.account.name);
    if (old != before.end() && old->second->setup() == setup) {
      dispatchers_.push_back(std::move(old->second));
      before.erase(old);
    } else {
      changed.push_back(std::move(setup));
    }
  }
  std::vector<AccountState> given_up;
  const auto give_up = [&](AccountState state, const Share* kept) {
    if (kept != nullptr) {
      erase_if(state.endpoints, [&](const auto& entry) { return kept->has(entry.first); });
      std::erase_if(state.heirlooms, [&](const auto& entry) { return kept->has(entry.first); });
    }
    if (!state.endpoints.empty() || !state.heirlooms.empty()) given_up.push_back(std::move(state));
  };
  // All are asked before any is waited for.
  for (auto& [name, dispatcher] : before) dispatcher->request_stop();
  for (auto& setup : changed) {
    const auto old = before.find(setup.account.name);
    std::optional<Inheritance> known;
    if (old != before.end() && same_place(old->second->setup(), setup)) {
      const auto& was = old->second->setup();
      const bool new_view =
          !(was.key == setup.key) || was.account.settings != setup.account.settings;
      known = old->second->release();
      known->new_view = new_view;
      give_up(known->account, &setup.share);
    }
    // The old one must be gone before the new one publishes.
    if (old != before.end()) before.erase(old);
    if (auto heirlooms = unpack_all(setup, handed, read_clock()); !heirlooms.empty()) {
      if (!known) known.emplace();
      known->account = take_over(std::move(known->account), heirlooms);
    }
    dispatchers_.push_back(
        std::make_unique<Dispatcher>(std::move(setup), machinery_, std::move(known)));
  }
  while (!before.empty()) {
    const auto name = before.begin()->first;
    give_up(before.begin()->second->release().account, nullptr);
    before.erase(before.begin());
    store_.remove(name);
  }
  return given_up;
}

void App::join(const std::optional<config::Cluster>& cluster, const Members& members) {
  if (cluster) {
    division_ = {{Members::nobody()}, true};
    swap_accounts({});
    cluster_ = std::make_unique<Cluster>(*cluster, http_, store_.lease(), pulses_, host());
    return;
  }
  self_.note_members(members);
  if (members.size() > 1) {
    log::info("shard", {{"ordinal", std::to_string(members.self())},
                        {"shards", std::to_string(members.size())}});
  }
  division_ = members;
  store_.lease().set_end(Mono::max());
  swap_accounts(divide(accounts_, config_, division_));
}

void App::leave() {
  if (!cluster_) return;
  constexpr std::chrono::milliseconds kPatience{1200};
  cluster_->stop();
  const auto outcome = divide_anew({{Members::nobody()}, true}, {});
  cluster_->leave(outcome.given_up, kPatience);
  cluster_.reset();
  routes_.set_cluster(std::nullopt);
}

Host App::host() {
  return {.divide = [this](const Division& division, const Handed& handed,
                           const std::stop_token& stop) -> std::optional<Host::Outcome> {
            // By value: a stop may end the waiting before the main thread comes to it.
            const auto outcome = std::make_shared<Host::Outcome>();
            const bool done = on_main(
                [this, division, handed, outcome] { *outcome = divide_anew(division, handed); },
                stop);
            return done ? std::optional(*outcome) : std::nullopt;
          },
          .tell =
              [this](const std::vector<Passed>& news, const std::stop_token& stop) {
                on_main(
                    [this, news] {
                      for (const auto& passed : news) {
                        for (const auto& dispatcher : dispatchers_) {
                          if (dispatcher->setup().account.name == passed.account) {
                            dispatcher->hear(passed);
                          }
                        }
                      }
                    },
                    stop);
              },
          .endpoints =
              [this] {
                std::uint64_t count = 0;
                for (const auto& page : store_.current().pages) {
                  count += page->state.endpoints.size();
                }
                return count;
              },
          .show = [this](const ClusterStatus& status) { routes_.set_cluster(status); }};
}

Host::Outcome App::divide_anew(const Division& division, const Handed& handed) {
  division_ = division;
  Host::Outcome outcome;
  for (const auto& account : swap_accounts(divide(accounts_, config_, division_), handed)) {
    outcome.endpoints += account.endpoints.size();
    auto packed = pack(account, ids_of(account), read_clock());
    if (packed.left_out > 0) {
      log::warn("handed_over_in_part", {{"account", account.name},
                                        {"endpoints", std::to_string(packed.endpoints)},
                                        {"left_out", std::to_string(packed.left_out)}});
    }
    if (!packed.texts.empty()) outcome.given_up.emplace(account.name, std::move(packed.texts));
  }
  return outcome;
}

// Waits until the main thread has done it. @return false: a stop came before.
bool App::on_main(std::function<void()> errand, const std::stop_token& stop) {
  const auto entry = std::make_shared<Errand>(Errand{.run = std::move(errand)});
  std::unique_lock lock(mutex_);
  errands_.push_back(entry);
  kill(getpid(), SIGUSR1);
  const bool done = errand_done_.wait(lock, stop, [&] { return entry->done; });
  // What nobody waits for any more must not be done later.
  if (!done) std::erase(errands_, entry);
  return done;
}

void App::run_errands() {
  std::vector<std::shared_ptr<Errand>> errands;
  {
    const std::lock_guard lock(mutex_);
    errands.swap(errands_);
  }
  for (const auto& errand : errands) {
    errand->run();
    {
      const std::lock_guard lock(mutex_);
      errand->done = true;
    }
    errand_done_.notify_all();
  }
}

void App::reload(const std::function<tl::expected<Loaded, Problems>()>& load) {
  // Who asks from now on may have written another text, and is answered by the next reload.
  auto waiters = take_waiters();
  const auto refuse = [&](const std::string& problems) {
    self_.note_reload(false, 0);
    log::error("reload_failed", {{"detail", problems}});
    answer(waiters, 500, problems);
  };
  auto loaded = load();
  if (!loaded) {
    std::string problems;
    for (const auto& problem : loaded.error()) problems += config::to_string(problem) + "\n";
    return refuse(problems);
  }
  try {
    if (serving_) server_.bind(loaded->config.web.listen);
  } catch (const std::runtime_error& error) {
    return refuse(std::string(error.what()) + "\n");
  }
  const bool other_web = loaded->config.web != config_.web;
  const bool other_cluster = loaded->config.cluster != config_.cluster;
  if (other_cluster) leave();
  config_ = std::move(loaded->config);
  log::set_level(config_.log.level);
  connections_.set_limits(limits_of(config_.web));
  access_.replace(config_.web, std::move(loaded->admission));
  lifecycle_ = config_.web.enable_lifecycle;
  store_.set_limits(limits_of(config_));
  accounts_ = std::move(loaded->accounts);
  if (other_cluster) {
    join(config_.cluster, loaded->members);
  } else {
    swap_accounts(divide(accounts_, config_, division_));
    if (cluster_) cluster_->tell_again();
  }
  self_.note_reload(true, unix_seconds(read_clock().wall));
  log::info("reloaded", {{"accounts", std::to_string(config_.accounts.size())}});
  // Answered before a listener goes: the question may have come in by it.
  answer(waiters, 200, "reloaded\n");
  if (!serving_) return;
  server_.serve(config_.web.listen);
  if (other_web) warn_of_exposure();
}

App::Waiters App::take_waiters() {
  const std::lock_guard lock(mutex_);
  return std::exchange(reload_waiters_, {});
}

HttpReply App::ask_for_reload() {
  if (!lifecycle_) {
    return text_reply(403, "reloading by POST is not enabled: see --web.enable-lifecycle\n");
  }
  // The main thread does it, as for any SIGHUP.
  return {.later = [this](Respond respond) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        reload_waiters_.push_back(std::move(respond));
        kill(getpid(), SIGHUP);
        return;
      }
    }
    respond(text_reply(503, "stopping\n"));
  }};
}

App::Once App::poll_once(const std::stop_token& stop) {
  const auto tried = [this](const Pages& pages) { return all_tried(pages, account_count_); };
  Mono deadline = started_ + kOnceGrace;
  while (!store_.wait(tried, deadline, stop)) {
    const Mono later = started_ + kOnceGrace + longest_interval(store_.current().pages);
    if (stop.stop_requested() || later <= deadline || later <= read_clock().mono) break;
    deadline = later;
  }
  return {.page = routes_.page(read_clock()).text(),
          .complete = all_good(store_.current().pages, account_count_)};
}

}  // namespace serverless::daemon
