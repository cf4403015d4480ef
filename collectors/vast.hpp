#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/collector.hpp"
#include "collectors/error.hpp"
#include "collectors/http.hpp"
#include "collectors/observation.hpp"

// Vast.ai serverless. Bearer key; a restricted key needs the permission groups "misc" (endpoints,
// worker groups) and "instance_read" (instances). Two APIs, two quotas:
//   console     GET  {api_url}/api/v0/endptjobs/               3 s between calls
//               GET  {api_url}/api/v0/workergroups/            2 s
//               GET  {api_url}/api/v1/instances/?limit=25      1 s, pages by after_token
//   autoscaler  POST {autoscaler_url}/get_endpoint_workers/    about 1 s, body {"id":123}
//               POST {autoscaler_url}/get_autogroup_workers/   about 1 s, body {"id":1001}; some
//                    pages call it get_workergroup_workers
// A 429 of the autoscaler says in its body how long to wait, one of the console nowhere.
// Seen 2026-09: https://docs.vast.ai, pages "Worker List", "get endpoint workers" and "Rate limits
// and errors".
namespace serverless::vast {

/// http::judge(), with what the body of an error says: a bad key may come as any 4xx, a wait in the
/// body of a 429.
std::optional<Error> judge_answer(const http::Response& response);

/// The workers of one endpoint. The body is an array of them, or {"workers":[...]}. What the
/// autoscaler says instead of a list while workers load, with a 200, is Reason::not_ready: it uses
/// the same words for a bad key and an unknown endpoint, so the text alone decides nothing.
Result<WorkersReport> parse_workers(std::string_view body);

struct EndpointList {
  std::vector<EndpointInfo> endpoints{};
  Skipped skipped{};  ///< Rows that are no endpoint. With one of them the list is not complete.

  bool operator==(const EndpointList&) const = default;
};

/// endptjobs. An account without endpoints is told so by an error; here that is an empty list.
Result<EndpointList> parse_endpoints(std::string_view body);

struct GroupList {
  std::map<std::string, std::vector<std::string>> by_endpoint{};  ///< Ids, in the list's order.
  Skipped skipped{};

  bool operator==(const GroupList&) const = default;
};

/// workergroups.
Result<GroupList> parse_groups(std::string_view body);

struct GroupWorkers {
  std::vector<std::string> ids{};
  Skipped skipped{};

  bool operator==(const GroupWorkers&) const = default;
};

/// The ids of the workers of one worker group. Bodies as those of parse_workers().
Result<GroupWorkers> parse_group_workers(std::string_view body);

struct InstancesPage {
  std::vector<std::pair<std::string, Instance>> instances{};  ///< By id, in the list's order.
  std::string next_token{};                                   ///< Empty on the last page.
  Skipped skipped{};

  bool operator==(const InstancesPage&) const = default;
};

Result<InstancesPage> parse_instances_page(std::string_view body);

Provider provider();

}  // namespace serverless::vast
