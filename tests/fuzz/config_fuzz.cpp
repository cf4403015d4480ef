#include <array>
#include <string>

#include "collectors/registry.hpp"
#include "config/load.hpp"
#include "daemon/forecast.hpp"
#include "tests/fuzz/expect.hpp"

namespace serverless::fuzz {
namespace {

// As RunPod's keys and Vast.ai's are, which read as a word and as a number. The dictionary and the
// seeds have them, too.
constexpr std::array<std::string_view, 2> kKeys{
    "rpa_KEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEYKEY",
    "7061737370617373706173737061737370617373706173737061737370617373"};
// No message repeats more of a text than this.
constexpr std::size_t kLongestRepeated = 32;

void check_key(std::string_view line, std::string_view key) {
  for (std::size_t at = 0; at + kLongestRepeated < key.size(); ++at) {
    expect(line.find(key.substr(at, kLongestRepeated + 1)) == std::string_view::npos,
           "no problem repeats a key", line);
  }
}

void check_problems(const std::vector<config::Problem>& problems) {
  expect(!problems.empty(), "a refusal has a reason");
  for (const auto& problem : problems) {
    const auto line = config::to_string(problem);
    expect(!problem.what.empty() && line.size() < 2048, "a problem is short", line);
    expect(is_one_line(line), "a problem is one line of UTF-8", line);
    expect(problem.line == 0 || problem.column > 0, "a place has a column", line);
    for (const auto key : kKeys) check_key(line, key);
  }
}

void check_accepted(const config::Config& config) {
  expect(!config.accounts.empty() && !config.web.listen.empty(), "a configuration is whole");
  for (const auto& account : config.accounts) {
    const auto* provider = find_provider(account.provider);
    expect(provider != nullptr, "an account's provider is known", account.provider);
    const auto collector = provider->make(account);
    expect(collector != nullptr, "an account's provider can be made", account.name);
    expect(!account.name.empty() && !account.key.name.empty(), "an account is whole");
    const auto share = daemon::share_of(account, *provider, {});
    expect(is_utf8(daemon::forecast(account, *provider, 1, share)),
           "what is planned can be printed");
  }
}

}  // namespace
}  // namespace serverless::fuzz

// A configuration's text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless;
  using namespace serverless::fuzz;
  static const auto kSpecs = provider_specs();
  const auto text = text_of(data, size);
  const auto config = config::load(text, "fuzz.toml", kSpecs);
  if (config) {
    check_accepted(*config);
  } else {
    check_problems(config.error());
  }
  // Whatever stands before it, a key in the file is refused and not repeated.
  auto planted = std::string(text);
  planted += "\n[[accounts]]\nname = \"planted\"\nprovider = \"runpod\"\napi_key = \"";
  planted += kKeys[size % kKeys.size()];
  planted += "\"\n";
  const auto refused = config::load(planted, "fuzz.toml", kSpecs);
  expect(!refused, "a key in the file is refused");
  check_problems(refused.error());
  return 0;
}
