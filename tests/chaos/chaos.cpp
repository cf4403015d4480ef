// Starts the providers and the exporter, does what the plan says, and records every page, what the
// providers held and what was done. It judges nothing: chaos_check does.

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/chaos/plan.hpp"
#include "tests/chaos/recording.hpp"
#include "tests/chaos/stage.hpp"
#include "tests/e2e/process_fixture.hpp"

namespace chaos {
namespace {

namespace fs = std::filesystem;
using e2e::unix_now;
using std::chrono::milliseconds;

struct Options {
  Size size{};
  std::size_t workers = 20;
  std::string exporter = e2e::exporter_path();
  std::string directory{};
};

// Runs something again and again until it is destroyed.
class Repeater {
 public:
  Repeater(milliseconds period, std::function<void()> what)
      : thread_([period, what = std::move(what)](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          auto next = std::chrono::steady_clock::now();
          while (!stop.stop_requested()) {
            what();
            next += period;
            // After a pause of the machine nothing is made up for.
            next = std::max(next, std::chrono::steady_clock::now());
            never.wait_until(lock, stop, next, [] { return false; });
          }
        }) {}

 private:
  std::jthread thread_;
};

class Driver {
 public:
  explicit Driver(Options options)
      : options_(std::move(options)), recorder_(options_.directory + "/recording.gz") {
    setup_.slow = options_.size.slow;
    setup_.directory = options_.directory;
    for (std::size_t i = 0; i < accounts().size(); ++i) {
      keys_.push_back(new_key(i));
      write_key(i);
      providers_.push_back(std::make_unique<Provider>(options_.directory, i, options_.size,
                                                      options_.workers, keys_[i]));
      providers_[i]->start();
      setup_.urls.push_back(providers_[i]->url());
      setup_.endpoints.push_back(providers_[i]->endpoints());
      setup_.present.push_back(true);
      setup_.intervals.push_back(usual_interval(setup_.slow));
    }
    loaded_keys_ = keys_;
  }

  void run() {
    record_plan();
    start_exporter();
    begun_ = std::chrono::steady_clock::now();
    {
      // What the providers hold is looked at until after the last page.
      const auto observers = observe();
      const Repeater pages(milliseconds{1000}, [this] { scrape(); });
      follow_plan();
    }
    // What was asked for last is in the logs now.
    for (const auto& provider : providers_) provider->watch(recorder_);
    stop_exporter();
    recorder_.close();
  }

 private:
  std::string new_key(std::size_t account) {
    return fmt::format("key-{}-{}-{}", accounts()[account].name, getpid(), ++last_key_);
  }

  void write_key(std::size_t account) const {
    const auto path = setup_.key_file(account);
    e2e::write_file(path + ".new", keys_[account] + "\n");
    fs::rename(path + ".new", path);
  }

  [[nodiscard]] fs::path config_path() const { return options_.directory + "/config.toml"; }

  void note(const std::string& kind, const std::string& name, double begun, std::string body) {
    recorder_.write({kind, name, begun, unix_now(), std::move(body)});
  }

  // What the configuration says, a line an account: what anybody may know who reads it.
  [[nodiscard]] std::string terms() const {
    std::string out;
    for (std::size_t i = 0; i < accounts().size(); ++i) {
      out += fmt::format("{} {} {} {} {} {}\n", accounts()[i].name, setup_.present[i] ? 1 : 0,
                         setup_.intervals[i], usual_timeout(setup_.slow),
                         usual_max_age(setup_.slow), discovery_interval(setup_.slow));
    }
    return out;
  }

  void record_plan() {
    const double now = unix_now();
    note("run", "-", now,
         fmt::format("{} {} {}\n", options_.size.seed, options_.size.seconds, options_.workers));
    for (std::size_t i = 0; i < accounts().size(); ++i) {
      const auto& account = accounts()[i];
      note("account", std::string(account.name), now,
           fmt::format("{} {} {} {}\n", account.provider, account.truth, providers_[i]->shape(),
                       fmt::join(setup_.endpoints[i], " ")));
    }
    for (const auto& fault : faults()) note("kind", std::string(fault.name), now, "");
  }

  void start_exporter() {
    e2e::write_file(config_path(), setup_.text());
    const double begun = unix_now();
    exporter_ = std::make_unique<e2e::Process>(
        options_.directory, "exporter",
        std::vector<std::string>{options_.exporter, "--config", config_path().string(),
                                 "--web.listen-address=127.0.0.1:0"});
    log_ = std::make_unique<Tail>(options_.directory + "/exporter.err");
    std::string address;
    e2e::eventually(
        [&] {
          address = e2e::word_after(exporter_->err(), "event=listening address=");
          return !address.empty() || exporter_->exit_code();
        },
        e2e::kPatience, milliseconds{5});
    if (address.empty()) throw std::runtime_error("the exporter: " + exporter_->err());
    url_ = "http://" + address;
    note("terms", "-", begun, terms());
    note("start", "-", begun, "");
  }

  void stop_exporter() {
    const double begun = unix_now();
    exporter_->signal(SIGTERM);
    const auto code = exporter_->wait(e2e::kStopWithin * 2);
    note("end", "-", begun, code ? std::to_string(*code) : "none");
  }

  std::vector<std::unique_ptr<Repeater>> observe() {
    std::vector<std::unique_ptr<Repeater>> observers;
    const auto every = [&](int ms, std::function<void()> what) {
      observers.push_back(std::make_unique<Repeater>(milliseconds{ms}, std::move(what)));
    };
    for (const auto& provider : providers_) {
      every(500, [this, &provider] { provider->watch(recorder_); });
    }
    every(5000, [this] { note("memory", "-", unix_now(), memory_of(exporter_->id())); });
    every(0, [this] { tick(); });
    return observers;
  }

  void scrape() {
    const double begun = unix_now();
    // In turn as it is and compressed, which are made apart.
    std::vector<std::string> headers;
    if (++scrapes_ % 2 == 0) headers.emplace_back("Accept-Encoding: gzip");
    auto reply = e2e::request("GET", url_ + "/metrics", std::chrono::seconds{10}, "", headers);
    auto status = reply.error.empty() ? std::to_string(reply.status) : "error";
    if (reply.headers["content-encoding"] == "gzip") {
      auto page = gunzipped(reply.body);
      if (!page) status = "bad-gzip";
      reply.body = std::move(page).value_or("");
    }
    note("page", status, begun, std::move(reply.body));
  }

  // What this thread oversleeps, every other thread of the machine may have to wait, too.
  void tick() {
    constexpr milliseconds kTick{50};
    constexpr milliseconds kUsual{10};
    const double begun = unix_now();
    const auto expected = std::chrono::steady_clock::now() + kTick;
    std::this_thread::sleep_until(expected);
    const auto late = std::chrono::steady_clock::now() - expected;
    if (late > kUsual) {
      note("stall", "-", begun,
           fmt::format("{:.4f}\n", std::chrono::duration<double>(late).count()));
    }
  }

  void follow_plan() {
    for (auto& step : make_plan(options_.size)) plan_.emplace(step.at, std::move(step));
    while (!plan_.empty() && plan_.begin()->first < options_.size.seconds) {
      const Step step = plan_.extract(plan_.begin()).mapped();
      std::this_thread::sleep_until(begun_ + milliseconds{static_cast<int>(step.at * 1000)});
      if (exporter_->exit_code()) return;
      take(step);
    }
    std::this_thread::sleep_until(begun_ +
                                  milliseconds{static_cast<int>(options_.size.seconds * 1000)});
  }

  void take(const Step& step) {
    using Kind = Step::Kind;
    const std::string name(accounts()[step.account].name);
    auto& provider = *providers_[step.account];
    const double begun = unix_now();
    switch (step.kind) {
      case Kind::fault:
        return begin_fault(step);
      case Kind::unfault:
        return end_fault(step);
      case Kind::kill:
        if (!provider.is_up()) return;
        provider.kill();
        killed_[step.account] = {provider.last_read(), begun, step.number};
        return;
      case Kind::restart: {
        const auto kill = killed_.find(step.account);
        if (kill == killed_.end() || kill->second.number != step.number) return;
        provider.start();
        // Begins when its log was last read: what it was asked after that nobody knows.
        note("down", name, kill->second.last_read, fmt::format("{:.4f}\n", kill->second.at));
        killed_.erase(kill);
        return;
      }
      case Kind::slower:
      case Kind::faster:
        setup_.intervals[step.account] =
            usual_interval(setup_.slow) * (step.kind == Kind::slower ? 1.5 : 1);
        return reload(step, setup_.text(), true);
      case Kind::take_out:
      case Kind::put_back:
        setup_.present[step.account] = step.kind == Kind::put_back;
        return reload(step, setup_.text(), true);
      case Kind::reload:
      case Kind::good_file:
        return reload(step, setup_.text(), true);
      case Kind::bad_file:
        return reload(step, setup_.text() + "\n[poll\n", false);
      case Kind::offer_key:
        old_keys_[step.account] = keys_[step.account];
        keys_[step.account] = new_key(step.account);
        provider.accept(keys_[step.account]);
        return note("key", name, begun, "offered");
      case Kind::hand_key:
        write_key(step.account);
        return note("key", name, begun, "handed");
      case Kind::refuse_key:
        provider.refuse(old_keys_[step.account]);
        return note("key", name, begun, "refused");
      case Kind::skew:
        if (provider.admin("POST", fmt::format("skew?seconds={:.0f}", step.seconds))) {
          note("skew", name, begun, fmt::format("{:.0f}", step.seconds));
        }
        return;
    }
  }

  void begin_fault(const Step& step) {
    auto& provider = *providers_[step.account];
    std::string query;
    for (const auto& fault : faults()) {
      if (fault.name == step.fault) query = fmt::format("{}&api={}", fault.query, step.host);
    }
    if (step.count > 0) query += fmt::format("&count={}", step.count);
    if (step.endpoint) {
      query += "&endpoint=" + setup_.endpoints[step.account].at(*step.endpoint);
    }
    const double begun = unix_now();
    const int life = provider.life();
    const auto answer = provider.admin("POST", "fault?" + query);
    if (!answer) return try_elsewhere(step, step.at);
    const auto id = e2e::Json(*answer)["/id"].get_int64().value();
    rules_[step.number] = {step, life, id};
    note("fault", std::string(accounts()[step.account].name), begun,
         fmt::format("{} {} {} {}\n", life, id, step.fault, query));
  }

  void end_fault(const Step& step) {
    auto& provider = *providers_[step.account];
    const auto found = rules_.find(step.number);
    if (found == rules_.end()) return;
    const Rule rule = found->second;
    rules_.erase(found);
    if (rule.life != provider.life()) return try_elsewhere(rule.step, step.at);
    provider.watch(recorder_);  // Its hits go with the rule.
    const auto rules = provider.admin("GET", "faults");
    if (!rules) return try_elsewhere(rule.step, step.at);
    (void)provider.admin("DELETE", fmt::format("fault?id={}", rule.id));
    const e2e::Json all(*rules);
    for (const auto each : all.array("/faults")) {
      if (each["id"].get_int64().value() == rule.id && each["hits"].get_int64().value() == 0) {
        try_elsewhere(rule.step, step.at);
      }
    }
  }

  // A fault that nobody met (its provider was dead, its account out of the configuration) is tried
  // once more, at the next account.
  void try_elsewhere(Step step, double now) {
    step = elsewhere(std::move(step), options_.size);
    step.at = now;
    step.number = --last_extra_;
    plan_.emplace(now, step);
    constexpr double kLasts = 12;
    step.at = now + kLasts * options_.size.slow;
    step.kind = Step::Kind::unfault;
    plan_.emplace(step.at, step);
  }

  // @param good whether the text is a configuration.
  void reload(const Step& step, const std::string& text, bool good) {
    e2e::write_file(config_path(), text);
    (void)log_->read();
    const double begun = unix_now();
    std::string answer = "none";
    if (step.by_post) {
      const auto reply = e2e::request("POST", url_ + "/-/reload", std::chrono::seconds{30});
      answer = std::to_string(reply.status);
    } else {
      exporter_->signal(SIGHUP);
      e2e::eventually(
          [&] {
            const auto lines = log_->read();
            if (lines.find("event=reloaded") != lines.npos) answer = "200";
            if (lines.find("event=reload_failed") != lines.npos) answer = "500";
            return answer != "none";
          },
          e2e::kPatience, milliseconds{10});
    }
    // An account whose key was replaced since is another one, too.
    std::string changed;
    for (std::size_t i = 0; good && i < accounts().size(); ++i) {
      const bool meant = i == step.account &&
                         (step.kind == Step::Kind::slower || step.kind == Step::Kind::faster ||
                          step.kind == Step::Kind::take_out || step.kind == Step::Kind::put_back);
      if (meant || loaded_keys_[i] != keys_[i]) changed += fmt::format(" {}", accounts()[i].name);
    }
    if (good) loaded_keys_ = keys_;
    note("reload", good ? "good" : "bad", begun,
         fmt::format("{} {}{}\n", step.by_post ? "post" : "sighup", answer, changed));
    if (good) note("terms", "-", begun, terms());
  }

  struct Kill {
    double last_read = 0;
    double at = 0;
    int number = 0;
  };
  struct Rule {
    Step step{};
    int life = 0;
    std::int64_t id = 0;
  };

  Options options_;
  Recorder recorder_;
  Setup setup_{};
  std::vector<std::string> keys_{};
  std::vector<std::string> loaded_keys_{};
  std::map<std::size_t, std::string> old_keys_{};
  int last_key_ = 0;
  int scrapes_ = 0;
  std::vector<std::unique_ptr<Provider>> providers_{};
  std::unique_ptr<e2e::Process> exporter_{};
  std::unique_ptr<Tail> log_{};
  std::string url_{};
  std::chrono::steady_clock::time_point begun_{};
  std::map<std::size_t, Kill> killed_{};
  std::map<int, Rule> rules_{};
  std::multimap<double, Step> plan_{};
  int last_extra_ = 0;
};

template <class Number>
bool read(std::string_view text, Number& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

bool take(std::string_view name, std::string_view value, Options& options) {
  if (name == "--seed") return read(value, options.size.seed);
  if (name == "--seconds") return read(value, options.size.seconds);
  if (name == "--slow") return read(value, options.size.slow);
  if (name == "--endpoints") {
    return read(value, options.size.endpoints) && options.size.endpoints > 0;
  }
  if (name == "--workers") return read(value, options.workers);
  if (name == "--exporter") return !(options.exporter = value).empty();
  if (name == "--directory") return !(options.directory = value).empty();
  return false;
}

}  // namespace
}  // namespace chaos

int main(int argc, char** argv) {
  chaos::Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && chaos::take(argv[i], argv[i + 1], options)) continue;
    fmt::print(stderr,
               "chaos --directory NEW [--seed N] [--seconds S] [--slow X] [--endpoints N]\n"
               "      [--workers N] [--exporter PATH]\n");
    return 64;
  }
  try {
    if (options.directory.empty()) throw std::runtime_error("--directory is missing");
    std::filesystem::create_directories(options.directory);
    fmt::print("chaos: seed {}, {} s, {} accounts x {} endpoints x {} workers (den: {})\n",
               options.size.seed, options.size.seconds, chaos::accounts().size() - 1,
               options.size.endpoints, options.workers, options.workers);
    std::fflush(stdout);
    chaos::Driver(std::move(options)).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "chaos: {}\n", error.what());
    return 2;
  }
  return 0;
}
