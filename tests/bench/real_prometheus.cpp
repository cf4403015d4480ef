#include "tests/bench/real_prometheus.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/meter.hpp"
#include "tests/bench/scrape.hpp"
#include "tests/bench/stage.hpp"

namespace bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kPollInterval = seconds{30};
constexpr seconds kScrapeInterval{15};
constexpr int kFloorScrapes = 6;
// What Prometheus 2.42 sends.
constexpr const char* kAccept =
    "Accept: application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// Sends one page, gzip, to whoever asks: what no exporter can be faster than.
class StaticServer {
 public:
  StaticServer(std::string page, std::string type)
      : page_(std::move(page)), type_(std::move(type)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || ::bind(socket_, plain, size) != 0 || ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, plain, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~StaticServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  StaticServer(const StaticServer&) = delete;
  StaticServer& operator=(const StaticServer&) = delete;

  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  void serve() const {
    const std::string head = fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Encoding: gzip\r\n"
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        type_, page_.size());
    for (int client = ::accept(socket_, nullptr, nullptr); client >= 0;
         client = ::accept(socket_, nullptr, nullptr)) {
      char request[8192];
      if (::recv(client, request, sizeof(request), 0) > 0) {
        send(client, head);
        send(client, page_);
      }
      ::close(client);
    }
  }
  static void send(int client, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::string page_;
  std::string type_;
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::thread thread_{};
};

std::string config_of(const std::string& address) {
  return fmt::format(
      "global: {{scrape_interval: {0}s, scrape_timeout: 10s}}\n"
      "scrape_configs:\n- job_name: exporter\n  static_configs:\n  - targets: ['{1}']\n"
      "    labels: {{instance: page}}\n",
      kScrapeInterval.count(), address);
}

double number_of(simdjson::dom::element value) {
  return std::stod(std::string(value.get_string().value()));
}

std::filesystem::path written(const std::filesystem::path& path, const std::string& text) {
  e2e::write_file(path, text);
  return path;
}

/// A Prometheus of its own.
class Prometheus {
 public:
  Prometheus(const std::filesystem::path& directory, const std::string& target)
      : config_(written(directory / "prometheus.yml", config_of(target))),
        process_(directory, "prometheus",
                 {"/usr/bin/prometheus", "--config.file=" + config_.string(),
                  "--storage.tsdb.path=" + (directory / "tsdb").string(),
                  "--web.listen-address=127.0.0.1:0"}) {
    const bool up = e2e::eventually([&] {
      const auto address = e2e::word_after(process_.err(), "msg=\"Listening on\" address=");
      url_ = "http://" + address;
      return !address.empty() && e2e::get(url_ + "/-/ready").status == 200;
    });
    if (!up) throw std::runtime_error("Prometheus does not start: " + process_.err());
  }

  void scrape(const std::string& target) {
    e2e::write_file(config_, config_of(target));
    process_.signal(SIGHUP);
  }

  /// Values of one series over the last seconds, oldest first.
  [[nodiscard]] std::vector<double> values(const std::string& series, double over) const {
    const e2e::Json reply(
        e2e::get(fmt::format("{}/api/v1/query?query={}%5B{:.0f}s%5D", url_, series, over)).body);
    std::vector<double> values;
    for (const auto result : reply.array("/data/result")) {
      const simdjson::dom::array samples = result["values"].get_array().value();
      for (const auto sample : samples) values.push_back(number_of(sample.at(1).value()));
    }
    return values;
  }
  /// One of its own counters.
  [[nodiscard]] double own(const std::string& name) const {
    return std::stod(e2e::word_after(e2e::get(url_ + "/metrics").body, "\n" + name + " "));
  }
  [[nodiscard]] std::string log() const { return process_.err() + process_.out(); }
  [[nodiscard]] pid_t id() const { return process_.id(); }

 private:
  std::filesystem::path config_;
  e2e::Process process_;
  std::string url_{};
};

std::string listed(const std::vector<double>& values) {
  return fmt::format("{:.2f}", fmt::join(values, " "));
}

double median_of_steady(std::vector<double> values, std::size_t skipped) {
  values.erase(values.begin(),
               values.begin() + static_cast<std::ptrdiff_t>(std::min(skipped, values.size() - 1)));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

bool real_prometheus(const std::filesystem::path& directory, std::size_t workers, seconds time) {
  const Fleet fleet{.endpoints = std::max<std::size_t>(workers / 100, 10)};
  Simulator simulator(directory, fleet, vast_accounts(fleet, kPollInterval), {});
  const auto exporter = start_exporter({.directory = directory,
                                        .fleet = fleet,
                                        .simulator = &simulator,
                                        .interval = kPollInterval,
                                        .worker_status = "full"});
  exporter->await_first_poll();
  exporter->await_pace();
  const auto page = scrape(exporter->url() + "/metrics", false);
  fmt::print(
      "{} workers, {} series, polled every {} s, scraped every {} s with a timeout of 10 s\n",
      fleet.workers(), page.series, kPollInterval / seconds{1}, kScrapeInterval.count());

  std::vector<std::string> wrong;
  const std::string address = exporter->url().substr(std::string_view("http://").size());
  Prometheus prometheus(directory, address);
  const auto exporter_cpu = cpu_of(exporter->id());
  const auto requests = simulator.requests();
  std::this_thread::sleep_for(time);
  const auto took = cpu_of(exporter->id()) - exporter_cpu;
  const double polls =
      static_cast<double>(simulator.requests() - requests) / static_cast<double>(fleet.requests());
  const auto up = prometheus.values("up", static_cast<double>(time.count()));
  auto durations = prometheus.values("scrape_duration_seconds", static_cast<double>(time.count()));
  const auto samples =
      prometheus.values("scrape_samples_scraped", static_cast<double>(time.count()));
  const auto own_sum = e2e::word_after(e2e::get(exporter->url() + "/metrics").body,
                                       "\nserverless_exporter_scrape_duration_seconds_sum ");

  // The same page from a file, into the same series.
  const auto file = e2e::request("GET", exporter->url() + "/metrics", seconds{60}, "",
                                 {kAccept, "Accept-Encoding: gzip"});
  const StaticServer server(file.body, file.headers.at("content-type"));
  const auto memory = memory_of(exporter->id());
  prometheus.scrape(server.address());
  std::this_thread::sleep_for(kScrapeInterval * kFloorScrapes);
  const auto floor =
      prometheus.values("scrape_duration_seconds",
                        static_cast<double>((kScrapeInterval * (kFloorScrapes - 1)).count()));

  fmt::print(
      "exporter: {} scrapes in {} s; up: {}\n  scrape_duration_seconds {}\n"
      "  samples {:.0f}..{:.0f}\n",
      up.size(), time.count(),
      std::all_of(up.begin(), up.end(), [](double v) { return v == 1; }) ? "1 at every one"
                                                                         : listed(up),
      listed(durations), *std::min_element(samples.begin(), samples.end()),
      *std::max_element(samples.begin(), samples.end()));
  const double steady = median_of_steady(durations, 2);
  const double at_least = median_of_steady(floor, 1);
  fmt::print(
      "a file of the same page: scrape_duration_seconds {}\n"
      "median of the steady ones: exporter {:.2f} s, file {:.2f} s, ratio {:.3f}\n"
      "the exporter's own part: {} s in all, {:.2f} % of what Prometheus took\n"
      "exporter: {:.2f} s CPU for {:.1f} polls of everything and {} scrapes; peak RSS {:.0f} MB\n"
      "Prometheus: {:.0f} s CPU, peak RSS {:.0f} MB\n",
      listed(floor), steady, at_least, steady / at_least, own_sum,
      100 * std::stod(own_sum) / std::accumulate(durations.begin(), durations.end(), 0.0),
      took.count(), polls, up.size(), memory.peak_mb, cpu_of(prometheus.id()).count(),
      memory_of(prometheus.id()).peak_mb);

  for (const double value : up) {
    if (value != 1) wrong.push_back("up was not 1");
  }
  for (const std::string counter : {"prometheus_target_scrapes_sample_out_of_order_total",
                                    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
                                    "prometheus_target_scrapes_sample_out_of_bounds_total",
                                    "prometheus_target_scrapes_exceeded_sample_limit_total"}) {
    const double count = prometheus.own(counter);
    fmt::print("{} {}\n", counter, count);
    if (count != 0) wrong.push_back(counter);
  }
  const auto log = prometheus.log();
  for (const std::string word : {"level=warn", "level=error", "out of order", "out-of-order",
                                 "duplicate", "Append failed"}) {
    if (log.find(word) == std::string::npos) continue;
    wrong.push_back("its log: " + log.substr(log.find(word), 200));
  }
  fmt::print("{}\n", wrong.empty() ? "Nothing was refused, lost or late."
                                   : "WRONG: " + fmt::format("{}", fmt::join(wrong, "; ")));
  return wrong.empty();
}

}  // namespace bench
