#include "tests/bench/scrape.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace bench {
namespace {

struct Reader {
  Scrape scrape{};
  bool plain = false;
  bool at_line_start = true;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* reader) {
  auto& to = *static_cast<Reader*>(reader);
  std::string_view text(data, size * count);
  to.scrape.bytes += text.size();
  while (to.plain && !text.empty()) {
    if (to.at_line_start && text.front() != '#' && text.front() != '\n') ++to.scrape.series;
    const auto end = text.find('\n');
    to.at_line_start = end != std::string_view::npos;
    text.remove_prefix(to.at_line_start ? end + 1 : text.size());
  }
  return size * count;
}

}  // namespace

Scrape scrape(const std::string& url, bool gzip) {
  Reader reader{.plain = !gzip};
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      curl_slist_append(nullptr, gzip ? "Accept-Encoding: gzip" : "Accept-Encoding: identity"),
      curl_slist_free_all);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 300L);
  curl_easy_setopt(curl.get(), CURLOPT_BUFFERSIZE, 512L * 1024);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reader);
  const auto begun = std::chrono::steady_clock::now();
  const auto code = curl_easy_perform(curl.get());
  reader.scrape.wall = std::chrono::steady_clock::now() - begun;
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200) {
    throw std::runtime_error(fmt::format("{}: {} {}", url, status, curl_easy_strerror(code)));
  }
  return reader.scrape;
}

}  // namespace bench
