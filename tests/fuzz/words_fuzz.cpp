#include <algorithm>
#include <array>
#include <string>

#include "collectors/http.hpp"
#include "collectors/registry.hpp"
#include "config/form.hpp"
#include "config/suggest.hpp"
#include "config/units.hpp"
#include "daemon/deflate.hpp"
#include "daemon/html.hpp"
#include "daemon/process.hpp"
#include "daemon/samples.hpp"
#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

// Whatever stands before it, this is repeated by nothing.
constexpr std::string_view kKey = "rpa_KEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEY";

void check_refusal(const std::optional<std::string>& wrong) {
  if (!wrong) return;
  expect(is_one_line(*wrong), "a refusal is one line", *wrong);
  expect(wrong->find(kKey) == std::string::npos, "a refusal repeats nothing", *wrong);
}

void check_urls(std::string_view text) {
  const auto with_key = std::string(text).append(kKey);
  check_refusal(config::wrong_url(with_key));
  check_refusal(config::wrong_listen_address(with_key));
  check_refusal(config::wrong_listen_address(text));
  const auto wrong = config::wrong_url(text);
  check_refusal(wrong);
  if (wrong) return;
  expect(is_one_line(text) && text.find_first_of(" ?#\\\"") == std::string_view::npos,
         "a URL has no query, no fragment and no blank", text);
  const auto authority = text.substr(text.find("//") + 2);
  expect(authority.substr(0, authority.find('/')).find('@') == std::string_view::npos,
         "a URL has no user", text);
  for (const auto& provider : providers()) {
    for (const auto& key : provider.keys) {
      if (key.check == nullptr) continue;
      check_refusal(key.check(text));
      check_refusal(key.check(with_key));
    }
  }
}

void check_units(std::string_view text) {
  if (const auto duration = config::parse_duration(text)) {
    expect(duration->count() >= 0, "a duration is not negative", text);
    const auto written = config::duration_text(*duration);
    expect(config::parse_duration(written) == duration, "a duration reads back", written);
    expect(written.size() <= 32, "a duration is short", written);
  }
  if (const auto bytes = config::parse_size(text)) {
    expect(config::parse_size(config::size_text(*bytes)) == bytes, "a size reads back", text);
  }
}

void check_names(std::string_view text) {
  if (config::is_id(text)) {
    expect(config::is_name(text) && text != "." && text != "..", "an id is a name", text);
  }
  constexpr std::array<std::string_view, 3> kWords{"interval", "max_age", "api_key_file"};
  static_cast<void>(config::nearest(text, kWords));
}

void check_escapes(std::string_view text) {
  const auto label = daemon::escape_label(text);
  expect(is_utf8(label) && label.find('\n') == std::string::npos, "a label is escaped", label);
  expect(label.size() <= 2 * daemon::kMaxLabelBytes, "a label is bounded", label);
  expect(daemon::escape_html(text).find_first_of("<>\"'") == std::string::npos, "HTML is escaped",
         text);
  const auto encoded = http::url_encode(text);
  expect(std::all_of(encoded.begin(), encoded.end(),
                     [](char c) { return c > ' ' && c < 0x7F && c != '/' && c != '?'; }),
         "what is encoded stays in its segment", encoded);
}

void check_pieces(std::string_view text) {
  const auto piece = daemon::deflate(text);
  expect(piece.length == text.size() && daemon::inflate(piece) == text, "a text comes back", text);
}

void check_process(std::string_view text) {
  static_cast<void>(daemon::parse_stat(text));
  static_cast<void>(daemon::parse_netstat(text, "IpExt:", "InOctets"));
}

}  // namespace
}  // namespace serverless::fuzz

// Short texts: what may stand in a configuration's values, in labels and URLs, and what /proc says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless::fuzz;
  const auto text = text_of(data, size);
  check_urls(text);
  check_units(text);
  check_names(text);
  check_escapes(text);
  check_pieces(text);
  check_process(text);
  return 0;
}
