// What Prometheus makes of the page. Missing programs are failures: this is what the exporter is
// for.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

constexpr const char* kPrometheus = "/usr/bin/prometheus";
constexpr const char* kPromtool = "/usr/bin/promtool";

std::string url_encoded(std::string_view text) { return disguises(std::string(text)).at(1); }

class WithPrometheus : public E2e {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(kPrometheus)) << "install Debian's package prometheus";
    ASSERT_TRUE(std::filesystem::exists(kPromtool)) << "install Debian's package prometheus";
  }

  /// The result of an instant query.
  [[nodiscard]] static std::vector<Sample> query(const std::string& base,
                                                 const std::string& expression) {
    const auto reply = get(base + "/api/v1/query?query=" + url_encoded(expression));
    std::vector<Sample> result;
    if (reply.status != 200) return result;
    const Json json(reply.body);
    const auto rows = json.array("/data/result");
    for (const auto row : rows) {
      Sample sample;
      const simdjson::dom::object metric = row["metric"].get_object().value();
      for (const auto field : metric) {
        const std::string value(field.value.get_string().value());
        if (field.key == "__name__") {
          sample.name = value;
        } else {
          sample.labels[std::string(field.key)] = value;
        }
      }
      sample.value = std::stod(std::string(row["value"].at(1).get_string().value()));
      result.push_back(std::move(sample));
    }
    return result;
  }

  [[nodiscard]] std::unique_ptr<Process> start_prometheus(const std::string& config,
                                                          std::string& url) {
    const auto file = workspace_.file("prometheus.yml", config);
    // Another program may take the port between two calls: then another one is tried.
    for (int attempt = 0; attempt < 5; ++attempt) {
      const auto address = fmt::format("127.0.0.1:{}", free_port());
      auto process = std::make_unique<Process>(
          workspace_.outputs(), fmt::format("prometheus{}", attempt),
          std::vector<std::string>{
              kPrometheus, "--config.file=" + file.string(), "--web.listen-address=" + address,
              "--storage.tsdb.path=" +
                  (workspace_.path() / fmt::format("data{}", attempt)).string(),
              "--log.level=debug"});
      url = "http://" + address;
      if (eventually([&] { return process->exit_code() || get(url + "/-/ready").status == 200; },
                     kPatience * 2) &&
          !process->exit_code()) {
        return process;
      }
    }
    return nullptr;
  }
};

std::set<std::string> names_of(const std::vector<Sample>& samples,
                               const std::set<std::string>& without) {
  std::set<std::string> names;
  for (Sample sample : samples) {
    if (sample.name == "up" || sample.name.starts_with("scrape_")) continue;
    for (const auto& label : without) sample.labels.erase(label);
    names.insert(sample.series());
  }
  return names;
}

std::string lines(const std::set<std::string>& one, const std::set<std::string>& other) {
  std::string out;
  for (const auto& name : one) {
    if (!other.contains(name)) out += name + '\n';
  }
  return out;
}

TEST_F(WithPrometheus, ScrapesEverySecondWithoutAWordAndHasWhatIsOnThePage) {
  const Simulator simulator(workspace_, simulated({"--no-rate-limits"}));
  std::string config = "[poll]\ninterval = \"1s\"\n";
  for (const std::string provider : {"runpod", "runpod-v1", "vast", "den"}) {
    config += simulator.account("a-" + provider, provider, key_file_);
  }
  Exporter exporter(workspace_, exporter_options(config));
  std::string url;
  const auto prometheus = start_prometheus(fmt::format(R"(
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: exporter
  static_configs: [{{targets: ['{0}']}}]
- job_name: operator
  static_configs:
  - targets: ['{0}']
    labels: {{endpoint: e, namespace: n, pod: p, service: s, container: c}}
)",
                                                       exporter.address()),
                                           url);
  ASSERT_NE(prometheus, nullptr);

  throughout(
      seconds{30}, [&] { EXPECT_GT(exporter.page().samples().size(), 100U); }, seconds{1});
  simulator.admin("POST", "freeze");
  std::string different = "nothing was compared";
  std::string count = "nothing was counted";
  EXPECT_TRUE(eventually(
      [&] {
        const Page page = exporter.page();
        const auto scraped = names_of(query(url, R"({job="exporter"})"), {"job", "instance"});
        const auto served = names_of(page.samples(), {});
        different = "Prometheus lacks:\n" + lines(served, scraped) + "The page lacks:\n" +
                    lines(scraped, served);
        const auto counted = query(url, R"(scrape_samples_scraped{job="exporter"})");
        count = counted.empty() ? "none" : std::to_string(counted.front().value);
        return scraped == served && !counted.empty() &&
               counted.front().value == static_cast<double>(page.samples().size());
      },
      kPatience * 2, seconds{1}))
      << count << '\n'
      << different;

  const Json targets(get(url + "/api/v1/targets").body);
  std::size_t healthy = 0;
  for (const auto target : targets.array("/data/activeTargets")) {
    EXPECT_EQ(target["health"].get_string().value(), "up");
    EXPECT_EQ(target["lastError"].get_string().value(), "");
    ++healthy;
  }
  EXPECT_EQ(healthy, 2U);
  const auto always = query(url, "min_over_time(up[5m])");
  EXPECT_EQ(always.size(), 2U);
  for (const auto& sample : always) EXPECT_EQ(sample.value, 1) << sample.series();

  const auto log = prometheus->err() + prometheus->out();
  EXPECT_NE(log.find("Server is ready"), std::string::npos);
  for (const std::string bad : {"level=warn", "level=error", "out of order", "out-of-order",
                                "duplicate", "Append failed", "Scrape failed"}) {
    EXPECT_EQ(log.find(bad), std::string::npos)
        << bad << ": " << log.substr(std::min(log.find(bad), log.size()), 400);
  }

  const auto operated = query(url, R"({job="operator"})");
  EXPECT_GT(operated.size(), 1000U);
  for (const auto& sample : operated) {
    EXPECT_EQ(sample.label("endpoint"), "e");
    EXPECT_EQ(sample.label("pod"), "p");
    for (const auto& [key, value] : sample.labels) {
      EXPECT_FALSE(key.starts_with("exported_")) << sample.series();
    }
  }
  exporter.stop();
}

TEST_F(WithPrometheus, SlowTheDemoShowsEveryStatusWithinThreeMinutesAndPromtoolIsSilent) {
  Exporter exporter(workspace_, {"--demo", "--log.level", "debug"});
  std::set<std::pair<std::string, std::string>> missing;
  for (const std::string status : {"running", "idle", "active", "initializing", "throttled",
                                   "unhealthy", "stopped", "unknown"}) {
    missing.emplace("runpod", status);
    if (status != "throttled") missing.emplace("vast", status);
    if (status != "throttled" && status != "active") missing.emplace("den", status);
  }
  EXPECT_TRUE(eventually(
      [&] {
        const Page page = exporter.page();
        std::erase_if(missing, [&](const auto& wanted) {
          return page.sum("serverless_endpoint_workers",
                          {{"provider", wanted.first}, {"status", wanted.second}})
                     .value_or(0) > 0;
        });
        return missing.empty();
      },
      std::chrono::minutes{3}, seconds{1}));
  for (const auto& [provider, status] : missing) {
    ADD_FAILURE() << provider << " was never " << status;
  }
  const auto page = get(exporter.url() + "/metrics");
  workspace_.keep("page", page.body);
  Process promtool(
      workspace_.outputs(), "promtool",
      {"/bin/sh", "-c",
       fmt::format("{} check metrics < {}", kPromtool, (workspace_.outputs() / "page").string())});
  EXPECT_EQ(promtool.wait(), 0);
  EXPECT_EQ(promtool.out() + promtool.err(), "");
  exporter.stop();
}

}  // namespace
}  // namespace e2e
