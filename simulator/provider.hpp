#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulator/fleet.hpp"
#include "simulator/limits.hpp"
#include "simulator/text.hpp"

namespace simulator {

struct Request {
  std::string method{};
  std::string target{};  ///< As sent: path and query.
  std::string host{};    ///< First segment of the path: which provider's host it stands for.
  std::string path{};    ///< The rest of the path, percent-decoded.
  Query query{};
  std::string authorization{};
  std::string api_key_header{};  ///< x-api-key, Den's.
  std::string user_agent{};
  std::string body{};
};

/// Splits a target such as "/runpod-api/v2/serverless?a=b" into the request's parts.
Request request_to(std::string method, std::string target);

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::string route{};     ///< The path with its ids replaced; empty: no such route.
  std::string endpoint{};  ///< Id that the request names, in its path or its body.
  bool authorized = false;
  std::optional<std::size_t> key{};  ///< Which of the keys it was.
};

/// A reply with a JSON body.
Reply json(int status, std::string body);

/// Which deviations a body is to have; set by faults.
struct Twist {
  bool malformed_worker = false;
  bool views_disagree = false;
  bool empty_list = false;
  std::chrono::milliseconds lag{0};  ///< By which job counters are late.
};

struct ProviderSettings {
  std::string planted_secret = "planted-secret-must-not-leak";
  std::string vast_group_route = "autogroup";  ///< Or "workergroup": which name exists.
  bool den_cursor = false;                     ///< Pages with nextCursor, the newer variant.
};

/// What a provider sees of the world while it answers one request.
struct Context {
  const View& view;
  const ProviderSettings& settings;
  const std::function<bool(std::string_view)>& accepts;  ///< Whether a key is good.
  Limits& limits;
  Twist twist{};
  RealTime now{};
};

/// One host of one provider: a row of the table of what is simulated.
struct Provider {
  std::string_view host{};        ///< The first segment of the path.
  std::string_view stands_for{};  ///< "https://api.runpod.io".
  Reply (*answer)(const Request&, Context&) = nullptr;
  Reply (*bad_key)() = nullptr;  ///< What this host says to a key it refuses.
  Reply (*rate_limited)(int retry_after_s) = nullptr;
};

std::span<const Provider> providers();
const Provider* find_provider(std::string_view host);

/// The id that the request names: in its path or as "id" in a JSON body.
std::string endpoint_named_by(const Request& request);

/// "Bearer x" to "x"; empty when it is another scheme.
std::string_view bearer(std::string_view authorization);

/// A number or text of the request's JSON body as text; empty when absent or not JSON.
std::string body_field(const Request& request, std::string_view name);

std::vector<std::string_view> segments_of(std::string_view path);

Provider runpod_api();
Provider runpod_queue();
Provider runpod_rest();
Provider vast_console();
Provider vast_run();
Provider den();

}  // namespace simulator
