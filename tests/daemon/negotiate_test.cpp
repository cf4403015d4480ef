#include "daemon/negotiate.hpp"

#include <gtest/gtest.h>

#include <string>

namespace serverless::daemon {
namespace {

const std::string kText = "text/plain; version=0.0.4; charset=utf-8";
const std::string kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string type_for(std::string_view accept) {
  const auto wish = negotiate(accept, "");
  EXPECT_TRUE(wish);
  EXPECT_EQ(wish->format == Format::openmetrics, wish->content_type.starts_with("application/"));
  return wish->content_type;
}

std::string coding_for(std::string_view accept_encoding) {
  const auto wish = negotiate("", accept_encoding);
  if (!wish) return "none";
  return wish->gzip ? "gzip" : "identity";
}

TEST(Negotiate, WhoAsksForNothingGetsTheTextFormat) {
  for (const std::string_view accept :
       {"", "*/*", "text/plain", "text/*", "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/json", ",;,=", "text/plain;version=9", "application/openmetrics-text;q=0"}) {
    EXPECT_EQ(type_for(accept), kText) << accept;
  }
}

TEST(Negotiate, Prometheus242GetsOpenMetrics) {
  EXPECT_EQ(type_for("application/openmetrics-text;version=1.0.0,"
                     "application/openmetrics-text;version=0.0.1;q=0.75,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            kOpenMetrics);
}

TEST(Negotiate, Prometheus3GetsOpenMetricsWithTheEscapingThatItAskedFor) {
  EXPECT_EQ(type_for("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                     "application/openmetrics-text;version=0.0.1;q=0.5,"
                     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            kOpenMetrics + "; escaping=allow-utf-8");
  EXPECT_EQ(type_for("text/plain;version=1.0.0;escaping=underscores;q=0.9,"
                     "application/openmetrics-text;version=1.0.0;q=0.8"),
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores");
  EXPECT_EQ(type_for("text/plain;version=1.0.0;escaping=nonsense"),
            "text/plain; version=1.0.0; charset=utf-8");
}

TEST(Negotiate, ProtobufIsNotOffered) {
  EXPECT_EQ(type_for("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                     "encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3"),
            kText);
}

TEST(Negotiate, TheLargerWeightWinsAndNotTheOrder) {
  EXPECT_EQ(type_for("application/openmetrics-text;version=1.0.0;q=0.1,text/plain;version=0.0.4"),
            kText);
  EXPECT_EQ(type_for("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0"),
            kOpenMetrics);
  EXPECT_EQ(type_for("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0"),
            kOpenMetrics)
      << "between equals ours decides";
}

TEST(Negotiate, OpenMetricsWithoutAVersionIsItsFirstOne) {
  const std::string first = "application/openmetrics-text; version=0.0.1; charset=utf-8";
  EXPECT_EQ(type_for("application/openmetrics-text"), first);
  EXPECT_EQ(type_for("application/openmetrics-text;version=0.0.1"), first);
}

TEST(Negotiate, NamesAreReadInAnyCaseAndValuesInQuotes) {
  EXPECT_EQ(type_for("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1"), kOpenMetrics);
}

TEST(Negotiate, GzipIsForWhoAcceptsIt) {
  for (const std::string_view header :
       {"gzip", "GZIP", "x-gzip", "deflate, gzip;q=1.0", "*", "br;q=1.0, *;q=0.5",
        "gzip;q=0.5, identity;q=0.2", "identity;q=0, gzip;q=0.001", "gzip,identity"}) {
    EXPECT_EQ(coding_for(header), "gzip") << header;
  }
  for (const std::string_view header :
       {"", "identity", "deflate", "gzip;q=0", "gzip;q=0.2, identity;q=0.5", "*;q=0, identity",
        "gzip;q=2", "gzip;q=nan", "gzip;q=-1", "gzip;q="}) {
    EXPECT_EQ(coding_for(header), "identity") << header;
  }
}

TEST(Negotiate, WhereNeitherIsAcceptableThereIsNoAnswer) {
  EXPECT_EQ(coding_for("identity;q=0"), "none");
  EXPECT_EQ(coding_for("gzip;q=0, identity;q=0"), "none");
  EXPECT_EQ(coding_for("br, *;q=0"), "none");
}

}  // namespace
}  // namespace serverless::daemon
