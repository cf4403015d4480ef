#include "tests/fuzz/published.hpp"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "collectors/registry.hpp"
#include "daemon/reconcile.hpp"
#include "daemon/render.hpp"

namespace serverless::fuzz {
namespace {

using namespace std::chrono_literals;

// Beyond the longest value: its escapes, the quotes and the name.
constexpr std::size_t kMaxLabel = 2 * daemon::kMaxLabelBytes + 64;

void expect(bool holds, std::string_view what, std::string_view line) {
  if (holds) return;
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(line.size()), line.data());
  std::abort();
}

// Reads `key="value"` and what follows. @return what follows the value.
std::string_view skip_label(std::string_view rest, std::string_view line) {
  const auto start = rest.size();
  const auto equals = rest.find("=\"");
  expect(equals != std::string_view::npos && equals > 0, "no label", line);
  rest.remove_prefix(equals + 2);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\') {
      expect(rest.size() > 1 && (rest[1] == '\\' || rest[1] == '"' || rest[1] == 'n'),
             "not an escape", line);
      rest.remove_prefix(1);
    }
    rest.remove_prefix(1);
  }
  expect(!rest.empty(), "no end of a label", line);
  rest.remove_prefix(1);
  expect(start - rest.size() <= kMaxLabel, "a label is too long", line);
  return rest;
}

void check_line(std::string_view line) {
  auto rest = line.substr(std::min(line.find_first_of("{ "), line.size()));
  if (rest.starts_with('{')) {
    do {
      rest = skip_label(rest.substr(1), line);
    } while (rest.starts_with(','));
    expect(rest.starts_with('}'), "no end of the labels", line);
    rest.remove_prefix(1);
  }
  expect(rest.starts_with(' '), "no value", line);
  rest.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  expect(error == std::errc{} && end == rest.data() + rest.size(), "not a number", line);
  expect(std::isfinite(value), "not finite", line);
}

void check_text(std::string_view text, std::set<std::string>& seen) {
  expect(simdjson::validate_utf8(text.data(), text.size()), "not UTF-8", text.substr(0, 200));
  while (!text.empty()) {
    const auto length = text.find('\n');
    expect(length != std::string_view::npos, "no end of the line", text.substr(0, 200));
    const auto line = text.substr(0, length);
    check_line(line);
    expect(seen.emplace(line.substr(0, line.rfind(' '))).second, "a series twice", line);
    text.remove_prefix(length + 1);
  }
}

}  // namespace

void check_published(std::string_view provider, Source source, Report report) {
  const Now now{.mono = Mono{100h}, .wall = Time{1790000000s}};
  const daemon::Landing landing{.sent = now, .landed = now, .interval = 30s, .max_age = 90s};
  daemon::EndpointState state;
  state.info.id = "fuzzed";
  // Twice, so that what remembers the first answer meets the second.
  for (int i = 0; i < 2; ++i) {
    state = daemon::reconcile(
        std::move(state), {.endpoint_id = "fuzzed", .source = source, .result = report}, landing);
  }
  const daemon::Context context{.provider = find_provider(provider),
                                .series = {.image_label = true}};
  std::set<std::string> seen;
  for (const auto& block : daemon::render(state, "fuzz", context)) check_text(block.text, seen);
}

}  // namespace serverless::fuzz
