#include <algorithm>

#include "collectors/json.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace serverless::fuzz {
namespace {

int depth_of(const json::Value& value) {
  int deepest = 0;
  for (const auto& inner : value.inside()) {
    expect(is_utf8(inner.key), "a key is UTF-8", inner.key);
    deepest = std::max(deepest, depth_of(inner));
  }
  expect(is_utf8(value.text), "a text is UTF-8", value.text);
  return deepest + 1;
}

// The two ways to read a document agree on whether it is one, and on what the list holds.
void check_list(std::string_view body, const Result<json::Document>& whole) {
  std::size_t handed_out = 0;
  const bool is_list = whole && whole->kind == json::Value::Kind::array;
  const std::string place = is_list ? "/" : "/workers/";
  const auto root =
      json::decode(body, "workers", [&](const std::string& path, const json::Value& element) {
        expect(!whole || path == place + std::to_string(handed_out), "elements come in order");
        expect(depth_of(element) <= 64, "nesting is bounded");
        ++handed_out;
      });
  if (!whole) {
    expect(!root && root.error().reason == Reason::parse, "what is not JSON has no list");
    return;
  }
  const auto* list = whole->find("workers");
  if (is_list) list = &*whole;
  if (!root) {
    expect(root.error().reason == Reason::schema && list != nullptr, "only a list can be no list");
    return;
  }
  expect(root->kind == whole->kind, "the rest is of the same kind");
  expect(handed_out == (list == nullptr ? 0 : list->size), "every element is handed out");
}

}  // namespace
}  // namespace serverless::fuzz

// What all providers' bodies are read with.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serverless;
  using namespace serverless::fuzz;
  const auto body = text_of(data, size);
  const auto whole = json::decode(body);
  if (whole) expect(depth_of(*whole) <= 64 + 1, "nesting is bounded");
  if (!whole) expect(is_one_line(whole.error().detail), "an error is one line");
  check_list(body, whole);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return serverless::fuzz::mutate_json(data, size, max_size, seed);
}
