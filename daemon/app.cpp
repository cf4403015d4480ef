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

// Accounts of the same provider and quota group share a quota, as far as the text tells.
std::uint32_t sharers_of(const config::Account& account, const config::Config& config) {
  if (account.quota_group.empty()) return 1;
  return static_cast<std::uint32_t>(std::count_if(
      config.accounts.begin(), config.accounts.end(), [&](const config::Account& other) {
        return other.quota_group == account.quota_group && other.provider == account.provider;
      }));
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

// An empty text: all went well.
void answer(std::vector<std::promise<std::string>> waiters, const std::string& problems) {
  for (auto& waiter : waiters) waiter.set_value(problems);
}

HttpReply text_reply(int status, std::string text) {
  return {.status = status, .body = std::move(text)};
}

}  // namespace

tl::expected<Loaded, Problems> set_up(config::Config config, const std::string& file) {
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
                        .sharers = sharers_of(account, config),
                        .series = config.series});
  }
  find_twins(accounts, file, problems);
  if (!problems.empty()) return tl::make_unexpected(std::move(problems));
  return Loaded{.config = std::move(config), .accounts = std::move(accounts)};
}

std::string forecast_text(const config::Config& config) {
  std::string text;
  for (const auto& account : config.accounts) {
    text += forecast(account, *find_provider(account.provider), sharers_of(account, config));
  }
  return text;
}

App::App(Loaded loaded)
    : config_(std::move(loaded.config)),
      started_(read_clock().mono),
      lifecycle_(config_.web.enable_lifecycle),
      store_(limits_of(config_)),
      routes_(store_, self_, started_, [this] { return ask_for_reload(); }),
      http_(user_agent()) {
  self_.note_reload(true, unix_seconds(read_clock().wall));
  swap_accounts(std::move(loaded.accounts));
}

App::~App() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  answer(take_waiters(), "stopping\n");
  // All are asked before any is waited for: one that hangs must not hold up the others.
  for (auto& dispatcher : dispatchers_) dispatcher->request_stop();
}

void App::serve() { listen_also(config_.web.listen); }

void App::listen_also(const std::vector<std::string>& addresses) {
  std::map<std::string, std::unique_ptr<Server>> bound;
  for (const auto& address : addresses) {
    if (servers_.contains(address)) continue;
    bound.emplace(
        address, std::make_unique<Server>(std::vector{address}, [this](const HttpRequest& request) {
          return routes_.handle(request);
        }));
  }
  for (const auto& [address, server] : bound) {
    log::info("listening", {{"address", server->addresses().front()}});
  }
  servers_.merge(std::move(bound));
}

void App::swap_accounts(std::vector<AccountSetup> accounts) {
  std::map<std::string, std::unique_ptr<Dispatcher>> before;
  for (auto& dispatcher : dispatchers_) {
    const auto name = dispatcher->setup().account.name;
    before.emplace(name, std::move(dispatcher));
  }
  dispatchers_.clear();
  account_count_ = accounts.size();
  routes_.set_terms({.accounts = accounts.size(),
                     .max_scrapes = config_.web.max_concurrent_scrapes,
                     .config = config::to_toml(config_)});
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
    dispatchers_.push_back(
        std::make_unique<Dispatcher>(std::move(setup), http_, gate_, store_, std::move(known)));
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
    answer(std::move(waiters), problems);
  };
  auto loaded = load();
  if (!loaded) {
    std::string problems;
    for (const auto& problem : loaded.error()) problems += config::to_string(problem) + "\n";
    return refuse(problems);
  }
  try {
    if (!servers_.empty()) listen_also(loaded->config.web.listen);
  } catch (const std::runtime_error& error) {
    return refuse(std::string(error.what()) + "\n");
  }
  config_ = std::move(loaded->config);
  log::set_level(config_.log.level);
  lifecycle_ = config_.web.enable_lifecycle;
  store_.set_limits(limits_of(config_));
  swap_accounts(std::move(loaded->accounts));
  self_.note_reload(true, unix_seconds(read_clock().wall));
  log::info("reloaded", {{"accounts", std::to_string(config_.accounts.size())}});
  // Answered before a listener goes: the question may have come in by it.
  answer(std::move(waiters), "");
  std::erase_if(servers_, [this](const auto& server) {
    const auto& wanted = config_.web.listen;
    return std::find(wanted.begin(), wanted.end(), server.first) == wanted.end();
  });
}

App::Waiters App::take_waiters() {
  const std::lock_guard lock(mutex_);
  return std::exchange(reload_waiters_, {});
}

HttpReply App::ask_for_reload() {
  if (!lifecycle_) {
    return text_reply(403, "reloading by POST is not enabled: see --web.enable-lifecycle\n");
  }
  std::future<std::string> answer;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return text_reply(503, "stopping\n");
    answer = reload_waiters_.emplace_back().get_future();
  }
  // The main thread does it, as for any SIGHUP.
  kill(getpid(), SIGHUP);
  const auto problems = answer.get();
  return problems.empty() ? text_reply(200, "reloaded\n") : text_reply(500, problems);
}

App::Once App::poll_once(std::stop_token stop) {
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
