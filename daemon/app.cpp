#include "daemon/app.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>
#include <utility>

#include "collectors/registry.hpp"
#include "config/write.hpp"
#include "daemon/clock.hpp"
#include "daemon/exposure.hpp"
#include "daemon/forecast.hpp"
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
                         const Members& members) {
  std::uint32_t sharers = 0;
  for (const auto& other : config.accounts) {
    const bool shares = !account.quota_group.empty() && other.quota_group == account.quota_group &&
                        other.provider == account.provider;
    if (!shares && other.name != account.name) continue;
    sharers += share_of(other, *find_provider(other.provider), members).askers;
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
                        .sharers = sharers_of(account, config, members),
                        .share = share_of(account, *find_provider(account.provider), members),
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
  std::erase_if(accounts, [](const AccountSetup& setup) { return !setup.share.any; });
  return Loaded{.config = std::move(config),
                .accounts = std::move(accounts),
                .admission = std::move(*admission),
                .members = members};
}

std::string forecast_text(const config::Config& config, const Members& members) {
  std::string text;
  for (const auto& account : config.accounts) {
    const auto& provider = *find_provider(account.provider);
    text += forecast(account, provider, sharers_of(account, config, members),
                     share_of(account, provider, members));
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
      server_([this](const HttpRequest& request) { return routes_.handle(request); }, connections_,
              access_, pulses_) {
  self_.note_members(loaded.members);
  if (loaded.members.size() > 1) {
    log::info("shard", {{"ordinal", std::to_string(loaded.members.self())},
                        {"shards", std::to_string(loaded.members.size())},
                        {"accounts", std::to_string(loaded.accounts.size())}});
  }
  self_.note_reload(true, unix_seconds(read_clock().wall));
  swap_accounts(std::move(loaded.accounts), std::move(loaded.members));
}

App::~App() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  answer(take_waiters(), 503, "stopping\n");
  // All are asked before any is waited for: one that hangs must not hold up the others.
  for (auto& dispatcher : dispatchers_) dispatcher->request_stop();
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

void App::swap_accounts(std::vector<AccountSetup> accounts, Members members) {
  std::map<std::string, std::unique_ptr<Dispatcher>> before;
  for (auto& dispatcher : dispatchers_) {
    const auto name = dispatcher->setup().account.name;
    before.emplace(name, std::move(dispatcher));
  }
  dispatchers_.clear();
  account_count_ = accounts.size();
  routes_.set_terms({.accounts = accounts.size(),
                     .config = config::to_toml(config_),
                     .members = std::move(members)});
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
    }
    // The old one must be gone before the new one publishes.
    if (old != before.end()) before.erase(old);
    dispatchers_.push_back(std::make_unique<Dispatcher>(std::move(setup), http_, gate_, store_,
                                                        pulses_, std::move(known)));
  }
  while (!before.empty()) {
    const auto name = before.begin()->first;
    before.erase(before.begin());
    store_.remove(name);
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
  config_ = std::move(loaded->config);
  log::set_level(config_.log.level);
  connections_.set_limits(limits_of(config_.web));
  access_.replace(config_.web, std::move(loaded->admission));
  lifecycle_ = config_.web.enable_lifecycle;
  store_.set_limits(limits_of(config_));
  swap_accounts(std::move(loaded->accounts), std::move(loaded->members));
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
