#include <cstdlib>

#include "collectors/vast.hpp"
#include "tests/fuzz/published.hpp"

using namespace serverless;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::text_of(data, size);
  if (auto report = vast::parse_workers(body)) {
    fuzz::check_published("vast", Source::workers, std::move(*report));
  }
  if (auto list = vast::parse_endpoints(body)) {
    for (auto& endpoint : list->endpoints) {
      endpoint.id = "fuzzed";
      fuzz::check_published("vast", Source::catalog, std::move(endpoint));
    }
  }
  if (auto page = vast::parse_instances_page(body)) {
    auto instances = std::make_shared<InstancesReport>();
    for (auto& [id, instance] : page->instances) instances->by_id.emplace(id, std::move(instance));
    fuzz::check_published("vast", Source::instances,
                          std::shared_ptr<const InstancesReport>(instances));
  }
  static_cast<void>(vast::parse_groups(body));
  static_cast<void>(vast::parse_group_workers(body));
  for (const int status : {200, 400, 404, 429, 500}) {
    const auto error = vast::judge_answer({.status = status, .body = std::string(body)});
    if (!error && status >= 400 && status != 400) std::abort();
  }
  return 0;
}
