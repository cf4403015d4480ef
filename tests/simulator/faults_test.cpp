#include "simulator/faults.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/simulator/simulator_fixture.hpp"

namespace simulator {
namespace {

using std::chrono::milliseconds;

const std::string kList = "/runpod-api/v2/serverless";
const std::string kWorkers = "/vast-run/get_endpoint_workers/";

Seen add(Wire& wire, const std::string& query) { return wire.post("/admin/fault?" + query); }

TEST(Faults, EveryKindHasANameAndIsFoundByIt) {
  for (int i = 0; i <= static_cast<int>(kLastFaultKind); ++i) {
    const auto kind = static_cast<FaultKind>(i);
    EXPECT_FALSE(name_of(kind).empty());
    EXPECT_EQ(fault_kind(name_of(kind)), kind);
  }
  EXPECT_EQ(fault_kind("nonsense"), std::nullopt);
}

TEST(Faults, ABadRuleIsRefused) {
  Wire wire;
  EXPECT_EQ(add(wire, "kind=nonsense").status, 400);
  EXPECT_EQ(add(wire, "kind=hang&api=nowhere").status, 400);
  EXPECT_EQ(add(wire, "kind=hang&probability=often").status, 400);
}

TEST(Faults, ARuleIsListedCountedSpentAndRemoved) {
  Wire wire;
  EXPECT_EQ(add(wire, "api=den&kind=status&code=503&count=2").body, R"({"id":1})");
  EXPECT_EQ(wire.get("/den/v1/workers").status, 503);
  EXPECT_EQ(wire.get("/den/v1/workers").status, 503);
  EXPECT_EQ(wire.get("/den/v1/workers").status, 200);
  EXPECT_EQ(wire.get("/admin/faults").body,
            R"({"faults":[{"id":1,"api":"den","path":"","endpoint":"","kind":"status",)"
            R"("probability":1,"left":0,"hits":2}]})");
  EXPECT_EQ(wire.remove("/admin/fault?id=1").status, 200);
  EXPECT_EQ(wire.remove("/admin/fault?id=1").status, 404);
  EXPECT_EQ(wire.get("/admin/faults").body, R"({"faults":[]})");
}

TEST(Faults, HitOnlyTheirHostPathAndEndpoint) {
  Wire wire;
  add(wire, "api=vast-run&endpoint=1201&kind=gone");
  add(wire, "api=runpod-api&path=/workers&kind=gone");
  EXPECT_EQ(wire.post(kWorkers, R"({"id":1200})").status, 200);
  EXPECT_EQ(wire.post(kWorkers, R"({"id":1201})").status, 410);
  EXPECT_EQ(wire.get(kList).status, 200);
  EXPECT_EQ(wire.get(kList + "/whichever/workers").status, 410);
  EXPECT_EQ(wire.get("/den/v1/workers").status, 200);
}

TEST(Faults, ProbabilityHitsSomeAndMissesSome) {
  Wire wire;
  add(wire, "kind=status&code=500&probability=0.5");
  int hit = 0;
  for (int i = 0; i < 200; ++i) hit += wire.get("/den/health").status == 500 ? 1 : 0;
  EXPECT_GT(hit, 60);
  EXPECT_LT(hit, 140);
}

TEST(Faults, StatusTakesItsCodeBodyAndRetryAfter) {
  Wire wire;
  add(wire, R"(kind=status&code=502&retry_after=7&body=%3Chtml%3E)");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.body, "<html>");
  EXPECT_EQ(seen.headers.at("retry-after"), "7");
}

TEST(Faults, RateLimitedSpeaksEachHostsLanguage) {
  Wire wire;
  add(wire, "kind=rate_limited&retry_after=9");
  EXPECT_EQ(wire.get(kList).headers.at("retry-after"), "9");
  EXPECT_EQ(wire.get(kList).headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(wire.get("/runpod-queue/v2/x/health").status, 429);
  EXPECT_EQ(wire.get("/runpod-rest/v1/endpoints").status, 429);
  EXPECT_EQ(wire.get("/vast-console/api/v0/endptjobs/").body,
            "API requests too frequent: endpoint threshold=9.0");
  EXPECT_FALSE(wire.get("/vast-console/api/v0/endptjobs/").headers.contains("retry-after"));
  EXPECT_EQ(wire.post(kWorkers, R"({"id":1200})").body,
            R"({"retry_after":9,"message":"API requests too frequent"})");
  EXPECT_EQ(wire.get("/den/v1/workers").status, 401);
}

TEST(Faults, AuthSpeaksEachHostsLanguage) {
  Wire wire;
  add(wire, "kind=auth");
  EXPECT_EQ(wire.get(kList).status, 401);
  EXPECT_EQ(wire.get("/runpod-queue/v2/x/health").status, 401);
  EXPECT_EQ(wire.get("/runpod-rest/v1/endpoints").body, R"({"message":"Unauthorized"})");
  EXPECT_EQ(wire.get("/vast-console/api/v0/endptjobs/").status, 404);
  EXPECT_EQ(wire.post(kWorkers, R"({"id":1200})").status, 200);
  EXPECT_EQ(wire.get("/den/v1/workers").body, R"({"error":"unauthorized"})");
}

TEST(Faults, SlowFirstByteComesLate) {
  Wire wire;
  add(wire, "kind=slow_first_byte&seconds=0.3");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 200);
  EXPECT_GE(seen.first_byte, milliseconds{290});
}

TEST(Faults, DripSendsTheWholeBodySlowly) {
  Wire wire;
  const std::string whole = wire.get(kList).body;
  add(wire, "kind=drip&bytes_per_second=20000&count=1");
  EXPECT_EQ(wire.get(kList).body, whole);
  add(wire, "kind=drip&bytes_per_second=100");
  const Seen seen = wire.get(kList, milliseconds{400});
  EXPECT_EQ(seen.curl, CURLE_OPERATION_TIMEDOUT);
  EXPECT_FALSE(seen.body.empty());
  EXPECT_LT(seen.body.size(), 100U);
}

TEST(Faults, HangNeverAnswersAndHoldsUpNobodyElse) {
  Wire wire;
  add(wire, "api=den&kind=hang");
  const Seen seen = wire.get("/den/v1/workers", milliseconds{200});
  EXPECT_EQ(seen.curl, CURLE_OPERATION_TIMEDOUT);
  EXPECT_EQ(seen.status, 0);
  EXPECT_EQ(wire.get(kList).status, 200);
}

TEST(Faults, AHangingReplyEndsWhenTheServerStops) {
  Wire wire;
  add(wire, "api=den&kind=hang");
  Seen seen;
  std::thread client([&, address = wire.url()] {
    CURL* curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, (address + "/den/v1/workers").c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20'000L);
    seen.curl = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
  });
  while (wire.get("/admin/faults").body.find(R"("hits":1)") == std::string::npos) {
    std::this_thread::yield();
  }
  const auto begin = std::chrono::steady_clock::now();
  wire.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds{1000});
  client.join();
  EXPECT_NE(seen.curl, CURLE_OPERATION_TIMEDOUT);
}

TEST(Faults, ResetBreaksTheConnection) {
  Wire wire;
  add(wire, "kind=reset");
  EXPECT_EQ(wire.get(kList).curl, CURLE_RECV_ERROR);
}

TEST(Faults, TruncatedIsHalfABodyWithItsOwnLength) {
  Wire wire;
  const std::string whole = wire.get(kList).body;
  add(wire, "kind=truncated");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.curl, CURLE_OK);
  EXPECT_EQ(seen.body, whole.substr(0, whole.size() / 2));
  EXPECT_EQ(seen.headers.at("content-length"), std::to_string(whole.size() / 2));
}

TEST(Faults, ShortBodyPromisesMoreThanItSends) {
  Wire wire;
  const std::string whole = wire.get(kList).body;
  add(wire, "kind=short_body");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.curl, CURLE_PARTIAL_FILE);
  EXPECT_EQ(seen.body, whole.substr(0, whole.size() / 2));
}

TEST(Faults, WrongShapeIsAnotherContainer) {
  Wire wire;
  add(wire, "kind=wrong_shape");
  EXPECT_TRUE(Json(wire.get(kList).body)[""].is_array());
  EXPECT_EQ(Json(wire.post(kWorkers, R"({"id":1200})").body).keys(""),
            (std::vector<std::string>{"unexpected"}));
}

TEST(Faults, WrappedIsTheDocumentedContainerOfVast) {
  Wire wire;
  add(wire, "kind=wrapped");
  EXPECT_EQ(Json(wire.post(kWorkers, R"({"id":1200})").body).keys(""),
            (std::vector<std::string>{"workers"}));
}

TEST(Faults, HtmlIsAGoodAnswerWithAPage) {
  Wire wire;
  add(wire, "kind=html");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.headers.at("content-type"), "text/html; charset=UTF-8");
  EXPECT_TRUE(seen.body.starts_with("<!DOCTYPE html>"));
}

TEST(Faults, EmptyHasNoBytes) {
  Wire wire;
  add(wire, "kind=empty");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body, "");
}

TEST(Faults, HugeSendsAsManyBytesAsAskedOfAnArrayThatDoesNotEnd) {
  Wire wire;
  add(wire, "kind=huge&bytes=3000000");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.body.size(), 3000000U);
  EXPECT_TRUE(seen.body.starts_with(R"(["filler","filler",)"));
}

TEST(Faults, WrongContentTypeHasTheRightBody) {
  Wire wire;
  const std::string whole = wire.get(kList).body;
  add(wire, "kind=wrong_content_type");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.headers.at("content-type"), "text/html; charset=UTF-8");
  EXPECT_EQ(seen.body, whole);
}

TEST(Faults, ViewsDisagreeShiftsHealth) {
  Wire wire;
  const std::string id = wire.world().view().fleet->endpoint(Api::runpod, 0).id;
  const Json honest(wire.get("/runpod-queue/v2/" + id + "/health").body);
  add(wire, "kind=views_disagree");
  const Json shifted(wire.get("/runpod-queue/v2/" + id + "/health").body);
  EXPECT_EQ(shifted.integer("/workers/running"), honest.integer("/workers/idle"));
  EXPECT_EQ(shifted.integer("/workers/unhealthy"), honest.integer("/workers/running"));
}

TEST(Faults, LaggingShowsTheJobCountersOfAWhileAgo) {
  Wire wire;
  const View view = wire.world().view();
  const Endpoint endpoint = view.fleet->endpoint(Api::runpod, 0);
  View before = view;
  before.now -= std::chrono::seconds{100};
  ASSERT_LT(before.jobs(endpoint).completed, view.jobs(endpoint).completed);
  add(wire, "kind=lagging&seconds=100");
  const Json late(wire.get("/runpod-queue/v2/" + endpoint.id + "/health").body);
  EXPECT_EQ(late.integer("/jobs/completed"), before.jobs(endpoint).completed);
  EXPECT_EQ(late.integer("/jobs/inQueue"), view.jobs(endpoint).in_queue);
}

TEST(Faults, MalformedWorkerAddsFourBadOnesToEveryApisList) {
  Wire wire;
  const View view = wire.world().view();
  const std::string v2 = kList + "/" + view.fleet->endpoint(Api::runpod, 0).id + "/workers";
  const std::string v1 = "/runpod-rest/v1/endpoints/" + view.fleet->endpoint(Api::runpod_v1, 1).id +
                         "?includeWorkers=true";
  const auto count = [&] {
    return std::vector<std::size_t>{
        Json(wire.get(v2).body).array("/workers").size(),
        Json(wire.get(v1).body).array("/workers").size(),
        Json(wire.post(kWorkers, R"({"id":1200})").body).array("").size(),
        Json(wire.get("/den/v1/workers?limit=50").body).array("/workers").size()};
  };
  std::vector<std::size_t> expected = count();
  for (std::size_t& size : expected) size += 4;
  add(wire, "kind=malformed_worker");
  EXPECT_EQ(count(), expected);
}

TEST(Faults, Error200IsAnErrorInAGoodAnswer) {
  Wire wire;
  add(wire, "kind=error_200&count=1");
  EXPECT_EQ(
      wire.post(kWorkers, R"({"id":1200})").body,
      R"({"error_msg":"authenticate_endpoint_apikey: invalid api_key or endpoint not found"})");
  add(wire, "kind=error_200&form=string");
  EXPECT_EQ(wire.post(kWorkers, R"({"id":1200})").body,
            R"("authenticate_endpoint_apikey: invalid api_key or endpoint not found")");
}

TEST(Faults, DeepNestsAsDeepAsAsked) {
  Wire wire;
  add(wire, "kind=deep&depth=5");
  EXPECT_EQ(wire.get(kList).body, "[[[[[]]]]]");
}

TEST(Faults, InvalidUtf8AndNanAreNoJson) {
  Wire wire;
  for (const std::string kind : {"invalid_utf8", "nan"}) {
    add(wire, "kind=" + kind + "&count=1");
    EXPECT_THROW(Json(wire.get(kList).body), simdjson::simdjson_error) << kind;
  }
}

TEST(Faults, DuplicateKeysRepeatEveryId) {
  Wire wire;
  add(wire, "kind=duplicate_keys");
  const std::vector<std::string> keys = Json(wire.get(kList).body).keys("/endpoints/0");
  EXPECT_EQ(std::ranges::count(keys, "id"), 2);
}

TEST(Faults, RedirectPointsWhereItIsTold) {
  Wire wire;
  add(wire, "kind=redirect&to=http%3A%2F%2F127.0.0.1%3A1%2F");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 302);
  EXPECT_EQ(seen.headers.at("location"), "http://127.0.0.1:1/");
}

TEST(Faults, EmptyListIsTheRightContainerWithNothingInIt) {
  Wire wire;
  add(wire, "kind=empty_list");
  EXPECT_EQ(wire.get(kList).body, R"({"endpoints":[]})");
  EXPECT_EQ(wire.get("/runpod-rest/v1/endpoints").body, "[]");
  EXPECT_EQ(wire.post(kWorkers, R"({"id":1200})").body, "[]");
  EXPECT_EQ(wire.get("/den/v1/workers").body, R"({"workers":[]})");
}

TEST(Faults, NumbersAreAllButIds) {
  Wire wire;
  const Json honest(wire.post(kWorkers, R"({"id":1200})").body);
  add(wire, "kind=numbers&value=-7");
  const Json seen(wire.post(kWorkers, R"({"id":1200})").body);
  EXPECT_EQ(seen.integer("/0/id"), honest.integer("/0/id"));
  EXPECT_EQ(seen.integer("/0/cur_load"), -7);
  EXPECT_EQ(seen.integer("/0/perf"), -7);
}

TEST(Faults, RawIsWhatItSays) {
  Wire wire;
  add(wire,
      "kind=raw&before=HTTP/1.1%20299%20Odd%0d%0a&piece=X-Pad:%20a%0d%0a&times=3"
      "&after=Content-Length:%202%0d%0a%0d%0aok");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 299);
  EXPECT_EQ(seen.body, "ok");
  EXPECT_EQ(seen.headers.at("x-pad"), "a");
}

TEST(Faults, RawMayBeSlowFromItsFirstByte) {
  Wire wire;
  add(wire,
      "kind=raw&before=HTTP/1.1%20200%20OK%0d%0aContent-Length:%200%0d%0a%0d%0a"
      "&bytes_per_second=100");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.status, 200);
  EXPECT_GE(seen.first_byte, milliseconds{100}) << "the first whole line";
}

TEST(Faults, AGzipBombIsAThousandthOfItselfOnTheWire) {
  Wire wire;
  add(wire, "kind=gzip_bomb&bytes=655360");
  const Seen seen = wire.get(kList);
  EXPECT_EQ(seen.headers.at("content-encoding"), "gzip");
  EXPECT_LT(seen.body.size(), 1000U);
  EXPECT_GT(seen.body.size(), 10U);
}

TEST(Faults, RowsAreAsManyAsAskedOfTheRightShapeWithIdsOfTheirOwn) {
  Wire wire;
  const View view = wire.world().view();
  const std::string v2 = kList + "/" + view.fleet->endpoint(Api::runpod, 0).id + "/workers";
  const std::string v1 = "/runpod-rest/v1/endpoints/" + view.fleet->endpoint(Api::runpod_v1, 1).id +
                         "?includeWorkers=true";
  const auto lists = [&] {
    return std::vector<std::pair<Seen, std::string>>{
        {wire.get(v2), "/workers"},
        {wire.get(v1), "/workers"},
        {wire.post(kWorkers, R"({"id":1200})"), ""},
        {wire.get("/den/v1/workers?limit=50"), "/workers"}};
  };
  const auto honest = lists();
  add(wire, "kind=rows&rows=1000");
  const auto flooded = lists();
  for (std::size_t i = 0; i < honest.size(); ++i) {
    const auto& [seen, list] = flooded[i];
    const Json all(seen.body);
    const Json before(honest[i].first.body);
    ASSERT_EQ(all.array(list).size(), 1000 + before.array(list).size()) << i;
    EXPECT_EQ(all.keys(list + "/0"), before.keys(list + "/0"));
    std::set<std::string> ids;
    for (const auto row : all.array(list)) ids.insert(simdjson::minify(row["id"].value()));
    EXPECT_EQ(ids.size(), all.array(list).size()) << i;
  }
}

TEST(Faults, RowsMayBeOfAnyOtherForm) {
  Wire wire;
  add(wire, "kind=rows&rows=2&row=%7B%22id%22:%22x%22%7D");
  EXPECT_TRUE(wire.get(kList).body.starts_with(
      R"({"endpoints":[{"id":"x00000000"},{"id":"x00000001"},{"id":)"));
}

}  // namespace
}  // namespace simulator
