#include <cmath>
#include <cstdlib>

#include "collectors/http.hpp"
#include "collectors/rate_limit.hpp"
#include "daemon/quota.hpp"
#include "tests/fuzz/published.hpp"

using namespace serverless;

// Headers: quota, Retry-After, Date, and the dates inside bodies.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const Mono now{std::chrono::hours{100}};
  const auto windows = http::parse_rate_limit(text, text);
  const auto quota = daemon::learn({}, windows, now);
  const auto rate = daemon::lasting_rate(quota, 0.2, now);
  if (rate && (!std::isfinite(*rate) || *rate < 0)) std::abort();
  const auto closed = daemon::closed_until(quota, 0.2, now);
  if (closed && (*closed <= now || *closed > now + std::chrono::hours{24 * 367})) std::abort();

  http::Response response{
      .status = 429,
      .headers = {{"retry-after", std::string(text)}, {"date", "Sun, 22 Nov 2026 12:00:00 GMT"}}};
  const auto error = http::judge(response);
  if (!error) std::abort();
  if (error->retry_after &&
      (error->retry_after->count() < 0 || *error->retry_after > std::chrono::hours{24 * 7})) {
    std::abort();
  }
  static_cast<void>(parse_http_date(text));
  static_cast<void>(parse_time(text));
  return 0;
}
