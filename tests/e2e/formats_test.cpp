// The page in each format and coding, as a scraper asks for it.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "tests/daemon/gunzip.hpp"
#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

using serverless::daemon::gunzip;

constexpr const char* kPrometheus242 =
    "Accept: application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
// No package of Prometheus 3 is at hand: this is what its scraper sends.
constexpr const char* kPrometheus3 =
    "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

class Formats : public E2e {
 protected:
  // From then on nothing comes to the page for a minute.
  Formats() {
    EXPECT_TRUE(exporter_.shows([](const Page& page) {
      const auto sources = page.find("serverless_endpoint_fresh");
      return !sources.empty() && std::all_of(sources.begin(), sources.end(),
                                             [](const auto* source) { return source->value == 1; });
    }));
  }

  [[nodiscard]] Reply metrics(const std::vector<std::string>& headers,
                              const std::string& method = "GET") const {
    return request(method, exporter_.url() + "/metrics", seconds{20 * kSlowness}, "", headers);
  }

  Simulator simulator_{workspace_, simulated({"--frozen"})};
  Exporter exporter_{workspace_, exporter_options("[poll]\ninterval = \"60s\"\n" +
                                                  simulator_.account("a", "runpod", key_file_))};
};

// What the specification of OpenMetrics 1.0 asks of an exposition, as far as we use it.
void expect_openmetrics(const std::string& text) {
  static const std::map<std::string, std::set<std::string>> kEndings{
      {"gauge", {""}}, {"counter", {"_total"}}, {"histogram", {"_bucket", "_sum", "_count"}}};
  ASSERT_TRUE(text.ends_with("\n# EOF\n"));
  std::set<std::string> families;
  std::string family;
  std::string type;
  std::istringstream lines(text.substr(0, text.size() - 6));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      type.clear();
      EXPECT_TRUE(families.insert(family).second) << family << " stands twice";
    } else if (line.starts_with("# TYPE ")) {
      ASSERT_TRUE(line.starts_with("# TYPE " + family + " ")) << line;
      type = line.substr(8 + family.size());
      EXPECT_TRUE(kEndings.contains(type)) << line;
    } else {
      const auto name = line.substr(0, line.find_first_of("{ "));
      ASSERT_TRUE(name.starts_with(family)) << line;
      EXPECT_TRUE(kEndings.at(type).contains(name.substr(family.size()))) << line;
    }
  }
  EXPECT_GT(families.size(), 60U);
}

TEST_F(Formats, WithoutAWishThePageIsTextAsItIs) {
  const auto reply = metrics({});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(reply.headers.at("vary"), "Accept, Accept-Encoding");
  EXPECT_FALSE(reply.headers.contains("content-encoding"));
  EXPECT_EQ(reply.headers.at("content-length"), std::to_string(reply.body.size()));
  EXPECT_TRUE(reply.body.starts_with("# HELP "));
}

TEST_F(Formats, PrometheusGetsOpenMetricsInOneGzipMember) {
  for (const auto& [accept, type] : std::map<std::string, std::string>{
           {kPrometheus242, "application/openmetrics-text; version=1.0.0; charset=utf-8"},
           {kPrometheus3,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; "
            "escaping=allow-utf-8"}}) {
    const auto reply = metrics({accept, "Accept-Encoding: gzip"});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("content-type"), type);
    EXPECT_EQ(reply.headers.at("content-encoding"), "gzip");
    EXPECT_EQ(reply.headers.at("content-length"), std::to_string(reply.body.size()));
    expect_openmetrics(gunzip(reply.body));
  }
}

TEST_F(Formats, HeadHasTheHeadersAndNoBody) {
  const auto reply = metrics({"Accept-Encoding: gzip"}, "HEAD");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-encoding"), "gzip");
  EXPECT_GT(std::stol(reply.headers.at("content-length")), 1000);
  EXPECT_EQ(reply.body, "");
}

TEST_F(Formats, WhoRefusesEveryCodingIsToldSo) {
  const auto reply = metrics({"Accept-Encoding: identity;q=0, br"});
  EXPECT_EQ(reply.status, 406);
  EXPECT_EQ(reply.body, "only gzip and identity are served\n");
}

TEST_F(Formats, ThePageTellsItsOwnSizes) {
  const auto identity = metrics({});
  const auto gzip = metrics({"Accept-Encoding: gzip"});
  const Page page = exporter_.page();
  EXPECT_NEAR(page.value("serverless_exporter_page_bytes", {{"encoding", "identity"}}).value_or(0),
              static_cast<double>(identity.body.size()), 200);
  EXPECT_NEAR(page.value("serverless_exporter_page_bytes", {{"encoding", "gzip"}}).value_or(0),
              static_cast<double>(gzip.body.size()), 200);
}

}  // namespace
}  // namespace e2e
