#include "daemon/assemble.hpp"

#include <gtest/gtest.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/registry.hpp"
#include "daemon/metrics.hpp"
#include "tests/daemon/gunzip.hpp"

namespace serverless::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Now kNoon{.mono = Mono{100h}, .wall = Time{1785931200s}};  // 2026-08-05T12:00:00Z
constexpr milliseconds kMaxAge = 90s;
constexpr Provider kProvider{.name = "acme", .label = "acme"};

Now at(std::chrono::nanoseconds after_noon) {
  return {.mono = kNoon.mono + after_noon, .wall = kNoon.wall};
}

SourceState answered(milliseconds when) {
  return {.good = at(when), .ok = true, .max_age = kMaxAge};
}

std::size_t row_index(std::string_view metric, std::size_t which = 0) {
  for (std::size_t i = 0; i < rows().size(); ++i) {
    if (rows()[i].name == metric && which-- == 0) return i;
  }
  throw std::logic_error("no such row");
}

struct Text {
  std::size_t row = 0;
  std::string text{};
  Mono expires = Mono::max();
};

Text block(std::string_view metric, std::string text, std::size_t which = 0) {
  return {.row = row_index(metric, which), .text = std::move(text)};
}

// An endpoint and what is published of it, whatever its state.
struct Endpoint {
  EndpointPointer state{};
  std::vector<Text> texts{};
};

Endpoint endpoint(const std::string& id, std::vector<Text> texts, std::size_t workers = 0) {
  EndpointState state;
  state.info.id = id;
  state.sources[static_cast<std::size_t>(Source::workers)] = answered(0s);
  state.workers.edit().resize(workers);
  return {.state = std::make_shared<const EndpointState>(std::move(state)),
          .texts = std::move(texts)};
}

// Each endpoint is a run of its own.
std::shared_ptr<AccountPage> account(const std::string& name, const std::vector<Endpoint>& all) {
  auto page = std::make_shared<AccountPage>();
  page->state.name = name;
  page->state.provider = &kProvider;
  page->context = {.provider = &kProvider};
  for (const auto& each : all) {
    page->state.endpoints.emplace(each.state->info.id, each.state);
    for (const Part part : kParts) {
      auto run = std::make_shared<Run>();
      run->endpoints = {each.state};
      for (const auto& [row, text, expires] : each.texts) {
        if (part_of(rows()[row]) != part) continue;
        run->expires = std::min(run->expires, expires);
        run->blocks.push_back(
            {.row = row, .series = 1, .piece = std::make_shared<const Piece>(deflate(text))});
      }
      page->runs[static_cast<std::size_t>(part)].push_back(std::move(run));
    }
  }
  return page;
}

std::shared_ptr<const AccountPage> published(AccountState state, Context context) {
  return std::make_shared<const AccountPage>(make_page(std::move(state), context, kNoon));
}

// What an account tells of itself.
std::string own_text(const AccountState& account) {
  std::string text;
  std::string_view family;
  for (const auto& lines : render(account)) {
    const Row& row = rows()[lines.row];
    if (std::exchange(family, row.name) != row.name) text += family_header(row);
    text += lines.text;
  }
  return text;
}

std::string header(std::string_view metric) { return family_header(*find_row(metric)); }

const std::string kFreshLine =
    "serverless_endpoint_fresh{provider=\"acme\",account=\"prod\",endpoint_id=\"e1\","
    "source=\"workers\"} ";
const std::string kWithheldLine =
    "serverless_endpoint_worker_series_withheld{provider=\"acme\",account=\"prod\","
    "endpoint_id=\"e1\",limit=";

std::string fresh(const std::string& value) {
  return header("serverless_endpoint_fresh") + kFreshLine + value + "\n";
}

std::string withheld(const std::array<std::string, 3>& values) {
  return header("serverless_endpoint_worker_series_withheld") + kWithheldLine + "\"endpoint\"} " +
         values[0] + "\n" + kWithheldLine + "\"account\"} " + values[1] + "\n" + kWithheldLine +
         "\"total\"} " + values[2] + "\n";
}

std::string withheld() { return withheld({"0", "0", "0"}); }

TEST(Assemble, NothingIsAnEmptyPage) {
  const auto page = assemble({}, {}, kNoon);
  EXPECT_EQ(page.text(), "");
  EXPECT_EQ(page.checksum.length, 0U);
  EXPECT_EQ(page.series, 0U);
}

TEST(Assemble, FamiliesStandInTheOrderOfTheTableAndAccountsAndEndpointsWithin) {
  const auto one = account("prod", {endpoint("e1", {block("serverless_endpoint_info", "i1\n"),
                                                    block("serverless_polls_total", "p1\n")})});
  const auto page = assemble({one}, {}, kNoon);
  EXPECT_EQ(page.text(), fresh("1") + header("serverless_endpoint_info") + "i1\n" + withheld() +
                             header("serverless_polls_total") + "p1\n" + own_text(one->state));
  EXPECT_EQ(page.checksum.length, page.text().size());
}

TEST(Assemble, AFamilyOfManyEndpointsIsContiguousWithOneHeader) {
  const auto one = account("a", {endpoint("e1", {block("serverless_endpoint_info", "1\n")}),
                                 endpoint("e2", {block("serverless_endpoint_info", "2\n")})});
  const auto other = account("b", {endpoint("e3", {block("serverless_endpoint_info", "3\n")})});
  const auto text = assemble({one, other}, {}, kNoon).text();
  EXPECT_NE(text.find(header("serverless_endpoint_info") + "1\n2\n3\n"), std::string::npos) << text;
}

TEST(Assemble, AFamilyOfTwoRowsHasOneHeader) {
  const std::string_view metric = "serverless_endpoint_reported_workers";
  const auto both =
      account("prod", {endpoint("e1", {block(metric, "summary\n"), block(metric, "queue\n", 1)})});
  EXPECT_EQ(assemble({both}, {}, kNoon).text(),
            fresh("1") + header(metric) + "summary\nqueue\n" + withheld() + own_text(both->state));
  const auto second = account("prod", {endpoint("e1", {block(metric, "queue\n", 1)})});
  EXPECT_EQ(assemble({second}, {}, kNoon).text(),
            fresh("1") + header(metric) + "queue\n" + withheld() + own_text(second->state));
}

// Two endpoints of one run: one worker each.
AccountState two_endpoints(milliseconds one, milliseconds other) {
  AccountState state;
  state.name = "prod";
  state.provider = find_provider("den");
  for (const auto& [id, when] : {std::pair("e1", one), std::pair("e2", other)}) {
    EndpointState known;
    known.info.id = id;
    known.sources[static_cast<std::size_t>(Source::workers)] = answered(when);
    known.counts.fill(1);
    WorkerState worker;
    worker.reported.id = std::string("w-of-") + id;
    worker.reported.native_status = "healthy";
    known.workers = {worker};
    state.endpoints.emplace(id, std::make_shared<const EndpointState>(std::move(known)));
  }
  return state;
}

// The lines that name this endpoint, by whether they show what its workers' source told.
std::map<bool, std::set<std::string>> families_of(const std::string& text, const std::string& id) {
  std::map<bool, std::set<std::string>> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("endpoint_id=\"" + id + "\"") == std::string::npos) continue;
    const auto family = line.substr(0, line.find('{'));
    found[find_row(family)->needs != 0].insert(family);
  }
  return found;
}

TEST(Assemble, DataAreServedUntilTheirMaxAgeAndNotANanosecondLonger) {
  const auto page = published(two_endpoints(0s, 30s), {.provider = find_provider("den")});
  const auto before = assemble({page}, {}, at(kMaxAge)).text();
  const auto after = assemble({page}, {}, at(kMaxAge + 1ns)).text();
  EXPECT_GT(families_of(before, "e1")[true].size(), 6U);
  EXPECT_EQ(families_of(after, "e1")[true], std::set<std::string>{});
  EXPECT_EQ(families_of(after, "e1")[false], families_of(before, "e1")[false])
      << "what we remember, and fresh, stay";
  EXPECT_EQ(families_of(after, "e2"), families_of(before, "e2")) << "the other one of its run";
  const auto last = assemble({page}, {}, at(kMaxAge + 30s + 1ns)).text();
  EXPECT_EQ(families_of(last, "e2")[true], std::set<std::string>{});
  EXPECT_EQ(last.find("# TYPE serverless_endpoint_workers gauge"), std::string::npos)
      << "a header goes with the last sample";
}

TEST(Assemble, ARunThatAnExpiryMadeAnewSaysWhatItSaidBefore) {
  const auto page = published(two_endpoints(0s, 30s), {.provider = find_provider("den")});
  const auto lines_of = [](const std::string& text) {
    std::set<std::string> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.find("endpoint_id=\"e2\"") != std::string::npos) all.insert(line);
    }
    return all;
  };
  const auto before = lines_of(assemble({page}, {}, kNoon).text());
  EXPECT_GT(before.size(), 20U);
  EXPECT_EQ(lines_of(assemble({page}, {}, at(kMaxAge + 1ns)).text()), before);
}

TEST(Assemble, ASourceThatNeverAnsweredIsNotFresh) {
  EndpointState state;
  state.info.id = "e1";
  state.sources[static_cast<std::size_t>(Source::workers)] = SourceState{.max_age = kMaxAge};
  const auto one =
      account("prod", {{.state = std::make_shared<const EndpointState>(std::move(state))}});
  EXPECT_EQ(assemble({one}, {}, kNoon).text(), fresh("0") + withheld() + own_text(one->state));
}

TEST(Assemble, WithheldWorkersAreCountedAndTheirSeriesGone) {
  const auto one = account(
      "prod",
      {endpoint("e1",
                {block("serverless_endpoint_info", "i\n"), block("serverless_worker_info", "w\n")},
                7)});
  const Pages pages{one};
  const std::string info = header("serverless_endpoint_info") + "i\n";
  const std::string own = own_text(one->state);
  EXPECT_EQ(assemble(pages, {}, kNoon).text(),
            fresh("1") + info + withheld() + header("serverless_worker_info") + "w\n" + own);
  for (const auto& [limit, values] :
       {std::pair(Limit::endpoint, std::array<std::string, 3>{"7", "0", "0"}),
        std::pair(Limit::account, std::array<std::string, 3>{"0", "7", "0"}),
        std::pair(Limit::total, std::array<std::string, 3>{"0", "0", "7"})}) {
    EXPECT_EQ(assemble(pages, {{{"prod", "e1"}, limit}}, kNoon).text(),
              fresh("1") + info + withheld(values) + own);
  }
  EXPECT_EQ(assemble(pages, {{{"prod", "other"}, Limit::total}}, kNoon).text(),
            assemble(pages, {}, kNoon).text());
}

TEST(Assemble, OnlyFamiliesThatWereAskedForAreOnThePage) {
  const auto one = account("prod", {endpoint("e1", {block("serverless_endpoint_info", "i\n"),
                                                    block("serverless_polls_total", "p\n"),
                                                    block("serverless_worker_info", "w\n")})});
  const auto of = [&](std::set<std::string_view> families) {
    return assemble({one}, {}, kNoon, Format::text, {.families = std::move(families)});
  };
  EXPECT_EQ(of({"serverless_polls_total"}).text(), header("serverless_polls_total") + "p\n")
      << "the blocks before it are passed over";
  EXPECT_EQ(of({"serverless_worker_info", "serverless_endpoint_fresh"}).text(),
            fresh("1") + header("serverless_worker_info") + "w\n");
  EXPECT_EQ(of({"serverless_worker_info"}).series, 1U);
  EXPECT_EQ(of({}).text(), "");
}

TEST(Assemble, APartOfThePageIsOneGzipStreamToo) {
  const auto one = published(two_endpoints(0s, 0s), {.provider = find_provider("den")});
  const auto page = assemble({one}, {}, kNoon, Format::text,
                             {.families = std::set<std::string_view>{"serverless_worker_status"}});
  std::string stream(gzip_header());
  for (const auto& piece : page.pieces) stream += piece->deflated;
  stream += gzip_end(page.checksum);
  EXPECT_EQ(gunzip(stream), page.text());
  EXPECT_TRUE(page.text().starts_with(header("serverless_worker_status"))) << page.text();
}

TEST(Assemble, OnlyProvidersThatWereAskedForAreOnThePage) {
  const auto one = published(two_endpoints(0s, 0s), {.provider = find_provider("den")});
  const Pages pages{one};
  const auto of = [&](std::set<std::string_view> labels) {
    return assemble(pages, {}, kNoon, Format::text, {.providers = std::move(labels)}).text();
  };
  EXPECT_EQ(of({"den"}), assemble(pages, {}, kNoon).text());
  EXPECT_EQ(of({"vast"}), "");
}

TEST(MakePage, ExpiresWithTheFirstOfItsRunsAndSharesWhatIsTheSame) {
  const Context context{.provider = find_provider("den")};
  auto state = two_endpoints(0s, 30s);
  const auto page = make_page(state, context, kNoon);
  EXPECT_EQ(page.expires, kNoon.mono + kMaxAge);
  EXPECT_EQ(page.runs[0].size() + page.runs[1].size(), 2U);
  const auto again = make_page(state, context, kNoon, &page);
  EXPECT_EQ(again.runs, page.runs);
  EXPECT_EQ(make_page(state, context, at(kMaxAge + 1ns), &page).expires,
            kNoon.mono + 30s + kMaxAge);
  EXPECT_EQ(make_page(state, context, at(1h), &page).expires, Mono::max());
}

TEST(Assemble, AWithheldEndpointLeavesTheOthersOfItsRun) {
  const auto page = published(two_endpoints(0s, 0s), {.provider = find_provider("den")});
  const auto text = assemble({page}, {{{"prod", "e1"}, Limit::total}}, kNoon).text();
  EXPECT_EQ(text.find("w-of-e1"), std::string::npos);
  EXPECT_NE(text.find("serverless_worker_status{provider=\"den\",account=\"prod\","
                      "endpoint_id=\"e2\",worker_id=\"w-of-e2\""),
            std::string::npos)
      << text;
}

TEST(Assemble, ThePageOutlivesWhatItWasMadeOf) {
  Pages pages{account("prod", {endpoint("e1", {block("serverless_endpoint_info", "i\n")})})};
  const auto page = assemble(pages, {}, kNoon);
  const auto text = page.text();
  pages.clear();
  EXPECT_EQ(page.text(), text);
}

TEST(Assemble, ThePiecesAreOneGzipStreamOfThePage) {
  const auto one = published(two_endpoints(0s, 0s), {.provider = find_provider("den")});
  auto page = assemble({one}, {}, kNoon);
  finish(page, "# TYPE x gauge\nx 1\n", 1);
  std::string stream(gzip_header());
  for (const auto& piece : page.pieces) stream += piece->deflated;
  stream += gzip_end(page.checksum);
  EXPECT_EQ(stream.size(), page.gzip_bytes());
  EXPECT_EQ(gunzip(stream), page.text());
}

TEST(Finish, AddsALastPart) {
  auto page = assemble({account("prod", {endpoint("e1", {})})}, {}, kNoon);
  const auto before = page.text();
  const auto series = page.series;
  finish(page, "# TYPE x gauge\nx 1\n", 1);
  EXPECT_EQ(page.text(), before + "# TYPE x gauge\nx 1\n");
  EXPECT_EQ(page.checksum.length, page.text().size());
  EXPECT_EQ(page.series, series + 1);
}

TEST(Finish, OpenMetricsHasAnEnd) {
  auto page = assemble({}, {}, kNoon, Format::openmetrics);
  finish(page, "# TYPE x gauge\nx 1\n", 1);
  EXPECT_EQ(page.text(), "# TYPE x gauge\nx 1\n# EOF\n");
}

TEST(Assemble, OpenMetricsDiffersInHeadersOnly) {
  const auto one = published(two_endpoints(0s, 0s), {.provider = find_provider("den")});
  const auto without_headers = [](const Page& page) {
    std::string samples;
    std::istringstream lines(page.text());
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('#')) samples += line + "\n";
    }
    return samples;
  };
  const auto text = assemble({one}, {}, kNoon);
  const auto open = assemble({one}, {}, kNoon, Format::openmetrics);
  EXPECT_GT(text.series, 100U);
  EXPECT_EQ(without_headers(open), without_headers(text));
  EXPECT_NE(text.text().find("\n# TYPE serverless_polls_total counter\n"), std::string::npos);
  EXPECT_NE(open.text().find("\n# TYPE serverless_polls counter\n"), std::string::npos);
}

// ---- limits

using Sizes = std::vector<std::pair<std::string, std::size_t>>;

std::shared_ptr<const AccountPage> sized(const std::string& name, const Sizes& sizes) {
  std::vector<Endpoint> endpoints;
  for (const auto& [id, workers] : sizes) endpoints.push_back(endpoint(id, {}, workers));
  return account(name, endpoints);
}

constexpr config::Limits kNone{
    .workers_per_endpoint = 0, .workers_per_account = 0, .workers_total = 0};

config::Limits per_endpoint(std::uint64_t limit) {
  auto limits = kNone;
  limits.workers_per_endpoint = limit;
  return limits;
}

config::Limits per_account(std::uint64_t limit) {
  auto limits = kNone;
  limits.workers_per_account = limit;
  return limits;
}

config::Limits in_total(std::uint64_t limit) {
  auto limits = kNone;
  limits.workers_total = limit;
  return limits;
}

TEST(Withhold, ZeroIsNoLimit) {
  EXPECT_EQ(withhold({}, Pages{sized("a", {{"e1", 20000}})}, kNone), Withheld{});
}

TEST(Withhold, AnEndpointOverItsLimitIsWithheldWhole) {
  EXPECT_EQ(withhold({}, Pages{sized("a", {{"e1", 100}, {"e2", 101}})}, per_endpoint(100)),
            (Withheld{{{"a", "e2"}, Limit::endpoint}}));
}

TEST(Withhold, OfAnAccountTheLargestGoFirst) {
  EXPECT_EQ(
      withhold({},
               Pages{sized("a", {{"e1", 60}, {"e2", 30}, {"e3", 20}}), sized("b", {{"e1", 90}})},
               per_account(100)),
      (Withheld{{{"a", "e1"}, Limit::account}}));
  EXPECT_EQ(withhold({}, Pages{sized("a", {{"e1", 60}, {"e2", 40}})}, per_account(100)),
            Withheld{});
}

TEST(Withhold, TheTotalCountsAllAccounts) {
  EXPECT_EQ(withhold({}, Pages{sized("a", {{"e1", 60}}), sized("b", {{"e1", 50}})}, in_total(100)),
            (Withheld{{{"a", "e1"}, Limit::total}}));
}

TEST(Withhold, WhatANarrowerLimitWithheldDoesNotWeighInAWiderOne) {
  const config::Limits all{
      .workers_per_endpoint = 50, .workers_per_account = 100, .workers_total = 149};
  const Pages pages{sized("a", {{"e1", 51}, {"e2", 50}, {"e3", 50}, {"e4", 1}}),
                    sized("b", {{"e1", 49}, {"e2", 50}})};
  EXPECT_EQ(withhold({}, pages, all), (Withheld{{{"a", "e1"}, Limit::endpoint},
                                                {{"a", "e3"}, Limit::account},
                                                {{"b", "e2"}, Limit::total}}));
}

TEST(Withhold, WhatWaitsToComeBackTakesNoRoomFromOthers) {
  const config::Limits both{
      .workers_per_endpoint = 100, .workers_per_account = 100, .workers_total = 100};
  const Withheld before{{{"a", "e1"}, Limit::endpoint}};
  EXPECT_EQ(withhold(before, Pages{sized("a", {{"e1", 91}, {"e2", 95}})}, both), before);
}

TEST(Withhold, WhatWasWithheldComesBackWithTenPercentToSpare) {
  for (const auto& [limits, limit] :
       {std::pair(per_endpoint(100), Limit::endpoint), std::pair(per_account(100), Limit::account),
        std::pair(in_total(100), Limit::total)}) {
    const Withheld before{{{"a", "e1"}, limit}};
    EXPECT_EQ(withhold(before, Pages{sized("a", {{"e1", 91}})}, limits), before) << name(limit);
    EXPECT_EQ(withhold(before, Pages{sized("a", {{"e1", 90}})}, limits), Withheld{}) << name(limit);
    EXPECT_EQ(withhold({}, Pages{sized("a", {{"e1", 100}})}, limits), Withheld{}) << name(limit);
  }
}

TEST(Withhold, TheSpareIsAskedOfTheLimitThatWithheld) {
  const Withheld before{{{"a", "e1"}, Limit::total}};
  EXPECT_EQ(withhold(before, Pages{sized("a", {{"e1", 95}})}, per_endpoint(100)), Withheld{});
}

TEST(Withhold, EqualsAreDecidedByNameAndNotByOrder) {
  const Withheld expected{{{"b", "e"}, Limit::total}};
  const auto one = sized("a", {{"e", 60}});
  const auto other = sized("b", {{"e", 60}});
  EXPECT_EQ(withhold({}, Pages{one, other}, in_total(100)), expected);
  EXPECT_EQ(withhold({}, Pages{other, one}, in_total(100)), expected);
}

// ---- against prometheus-cpp

struct Sample {
  std::string name{};
  std::map<std::string, std::string> labels{};
  double value = 0;

  auto operator<=>(const Sample&) const = default;
};

struct Family {
  std::string help{};
  std::string type{};
  std::multiset<Sample> samples{};

  bool operator==(const Family&) const = default;
};
using Families = std::map<std::string, Family>;

// A strict reader of the text format 0.0.4 without time stamps.
class Reader {
 public:
  static Families read(const std::string& text) {
    if (!text.empty() && !text.ends_with('\n')) throw std::runtime_error("no newline at the end");
    Reader reader;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) reader.take(line);
    return std::move(reader.families_);
  }

 private:
  void take(const std::string& line) {
    if (line.starts_with("# HELP ")) {
      const auto end = line.find(' ', 7);
      open(line.substr(7, end - 7));
      families_[family_].help = line.substr(end + 1);
    } else if (line.starts_with("# TYPE ")) {
      const auto end = line.find(' ', 7);
      if (line.substr(7, end - 7) != family_) throw std::runtime_error("TYPE of another: " + line);
      families_[family_].type = line.substr(end + 1);
    } else {
      take_sample(line);
    }
  }

  void open(const std::string& name) {
    if (families_.contains(name)) throw std::runtime_error("family in two pieces: " + name);
    family_ = name;
  }

  void take_sample(const std::string& line) {
    Sample sample;
    std::size_t at = line.find_first_of("{ ");
    sample.name = line.substr(0, at);
    if (!belongs(sample.name)) throw std::runtime_error("stray sample: " + line);
    if (line.at(at) == '{') at = read_labels(line, at + 1, sample);
    if (line.at(at) != ' ') throw std::runtime_error("no space before the value: " + line);
    const std::string value = line.substr(at + 1);
    char* end = nullptr;
    sample.value = std::strtod(value.c_str(), &end);
    if (value.empty() || *end != '\0') throw std::runtime_error("no number: " + line);
    auto& samples = families_[family_].samples;
    const bool twice = std::any_of(samples.begin(), samples.end(), [&](const Sample& other) {
      return other.name == sample.name && other.labels == sample.labels;
    });
    if (twice) throw std::runtime_error("a series twice: " + line);
    samples.insert(std::move(sample));
  }

  bool belongs(const std::string& name) {
    if (name == family_) return families_[family_].type != "histogram";
    if (families_[family_].type != "histogram" || !name.starts_with(family_)) return false;
    const auto ending = name.substr(family_.size());
    return ending == "_bucket" || ending == "_sum" || ending == "_count";
  }

  // Returns the place behind the closing brace.
  static std::size_t read_labels(const std::string& line, std::size_t at, Sample& sample) {
    while (line.at(at) != '}') {
      const auto equals = line.find('=', at);
      const std::string key = line.substr(at, equals - at);
      at = equals + 1;
      if (line.at(at++) != '"') throw std::runtime_error("no quote: " + line);
      std::string value;
      while (line.at(at) != '"') {
        char c = line.at(at++);
        if (c == '\\') {
          c = line.at(at++);
          if (c == 'n') c = '\n';
        }
        value += c;
      }
      ++at;
      if (!sample.labels.emplace(key, value).second)
        throw std::runtime_error("label twice: " + key);
      if (line.at(at) == ',') ++at;
    }
    return at + 1;
  }

  Families families_{};
  std::string family_{};
};

std::vector<prometheus::ClientMetric::Label> labels_of(const Sample& sample) {
  std::vector<prometheus::ClientMetric::Label> result;
  for (const auto& [key, value] : sample.labels) {
    if (key == "le") continue;
    prometheus::ClientMetric::Label label;
    label.name = key;
    label.value = value;
    result.push_back(std::move(label));
  }
  return result;
}

std::vector<prometheus::ClientMetric> histograms_of(const Family& family, const std::string& name) {
  std::map<std::vector<std::string>, prometheus::ClientMetric> by_labels;
  for (const auto& sample : family.samples) {
    std::vector<std::string> key;
    for (const auto& label : labels_of(sample)) key.push_back(label.name + "=" + label.value);
    auto& metric = by_labels[key];
    metric.label = labels_of(sample);
    if (sample.name == name + "_sum") {
      metric.histogram.sample_sum = sample.value;
    } else if (sample.name == name + "_count") {
      metric.histogram.sample_count = static_cast<std::uint64_t>(sample.value);
    } else {
      prometheus::ClientMetric::Bucket bucket;
      bucket.cumulative_count = static_cast<std::uint64_t>(sample.value);
      bucket.upper_bound = std::strtod(sample.labels.at("le").c_str(), nullptr);
      metric.histogram.bucket.push_back(bucket);
    }
  }
  std::vector<prometheus::ClientMetric> result;
  for (auto& [key, metric] : by_labels) {
    std::sort(metric.histogram.bucket.begin(), metric.histogram.bucket.end(),
              [](const auto& a, const auto& b) { return a.upper_bound < b.upper_bound; });
    result.push_back(std::move(metric));
  }
  return result;
}

std::string serialised(const Families& families) {
  std::vector<prometheus::MetricFamily> theirs;
  for (const auto& [name, family] : families) {
    prometheus::MetricFamily one;
    one.name = name;
    one.help = family.help;
    if (family.type == "histogram") {
      one.type = prometheus::MetricType::Histogram;
      one.metric = histograms_of(family, name);
    } else {
      const bool counter = family.type == "counter";
      one.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      for (const auto& sample : family.samples) {
        prometheus::ClientMetric metric;
        metric.label = labels_of(sample);
        (counter ? metric.counter.value : metric.gauge.value) = sample.value;
        one.metric.push_back(std::move(metric));
      }
    }
    theirs.push_back(std::move(one));
  }
  return prometheus::TextSerializer().Serialize(theirs);
}

// prometheus-cpp writes one digit less than a double may need, and whole bounds without a point.
Families rounded(Families families) {
  for (auto& [name, family] : families) {
    std::multiset<Sample> samples;
    for (Sample sample : family.samples) {
      std::array<char, 32> text{};
      std::snprintf(text.data(), text.size(), "%.15g", sample.value);
      sample.value = std::strtod(text.data(), nullptr);
      if (auto le = sample.labels.find("le"); le != sample.labels.end()) {
        le->second = format_bound(std::strtod(le->second.c_str(), nullptr));
      }
      samples.insert(std::move(sample));
    }
    family.samples = std::move(samples);
  }
  return families;
}

// A page of everything that can be there, with labels and values as nasty as they come.
Pages nasty_pages() {
  const std::string nasty = "a\\b\"c\nd{e}=f, \xFFg€\t";
  EndpointState state;
  state.info = {.id = nasty,
                .name = nasty + std::string(300, 'x'),
                .state = "odd\\",
                .workers_max = 1e300,
                .scaler_value = 0.1 + 0.2};
  for (auto& source : state.sources) source = answered(0s);
  state.counts.fill(3);
  state.queue_used = true;
  state.queue = QueueReport{.ready = 1, .jobs_in_queue = 9007199254740993};
  state.queue->workers.fill(2);
  state.completed.value = 123456789012345678;
  state.workers_report.summary.fill(1);
  state.groups = GroupsReport{.groups = {{.id = nasty, .workers = {"w"}}}};
  state.instances = std::make_shared<const InstancesReport>(
      InstancesReport{.by_id = {{"w", {.gpu_utilization_ratio = 1e-9}}}});
  state.billing = BillingReport{.dollars = 1e-7};
  WorkerState worker;
  worker.reported = {.id = nasty,
                     .native_status = nasty,
                     .gpu_type = "RTX \"4090\"",
                     .name = "\n",
                     .started_at = Time{1785931200705ms},
                     .cur_load = -0.0,
                     .perf = 5e-324};
  worker.status_since = kNoon.wall;
  worker.change_seen = true;
  state.workers = {worker};
  AccountState all;
  all.name = nasty;
  all.provider = find_provider("vast");
  all.exhaustive = true;
  all.requests[{"api", "op", "200"}] = 5;
  all.durations[{"api", nasty}].observe(0.3);
  all.durations[{"api", "op"}].observe(99);
  all.apis["api"] = {.up = true, .skew = -1ms, .backoff_until = kNoon.wall};
  all.endpoints.emplace(nasty, std::make_shared<const EndpointState>(std::move(state)));
  return {published(std::move(all), {.provider = find_provider("vast")})};
}

TEST(AssembleDifferential, PrometheusCppWritesTheSamePage) {
  const std::string ours = assemble(nasty_pages(), {}, kNoon).text();
  const Families read = Reader::read(ours);
  EXPECT_GT(read.size(), 40U);
  EXPECT_TRUE(read.contains("serverless_api_request_duration_seconds"));
  EXPECT_TRUE(read.contains("serverless_group_workers"));
  const Families theirs = rounded(Reader::read(serialised(read)));
  ASSERT_EQ(read.size(), theirs.size());
  for (const auto& [name, family] : rounded(read)) {
    ASSERT_TRUE(theirs.contains(name)) << name;
    EXPECT_EQ(family, theirs.at(name)) << name;
  }
}

TEST(AssembleDifferential, TheReaderGetsTheLabelsBackThatWentIn) {
  const Families read = Reader::read(assemble(nasty_pages(), {}, kNoon).text());
  const auto& samples = read.at("serverless_worker_status_since_timestamp_seconds").samples;
  const std::string replaced = "a\\b\"c\nd{e}=f, \xEF\xBF\xBDg€\t";
  EXPECT_EQ(samples,
            (std::multiset<Sample>{{.name = "serverless_worker_status_since_timestamp_seconds",
                                    .labels = {{"provider", "vast"},
                                               {"account", replaced},
                                               {"endpoint_id", replaced},
                                               {"worker_id", replaced}},
                                    .value = 1785931200}}));
}

TEST(AssembleDifferential, EveryFamilyIsAKnownRowOfThatType) {
  for (const auto& [name, family] : Reader::read(assemble(nasty_pages(), {}, kNoon).text())) {
    const Row* row = find_row(name);
    ASSERT_NE(row, nullptr) << name;
    EXPECT_EQ(family.type, serverless::daemon::name(row->type)) << name;
    EXPECT_FALSE(family.samples.empty()) << name;
  }
}

TEST(AssembleDifferential, TheSeriesAreCounted) {
  const auto page = assemble(nasty_pages(), {}, kNoon);
  std::size_t count = 0;
  for (const auto& [name, family] : Reader::read(page.text())) count += family.samples.size();
  EXPECT_EQ(page.series, count);
}

}  // namespace
}  // namespace serverless::daemon
