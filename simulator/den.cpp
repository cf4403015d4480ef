// OpenWork Labs Den (https://api.openworklabs.com): GET /v1/workers and GET /health, after its
// published document and its open source up to September 2026.

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>

#include "simulator/hash.hpp"
#include "simulator/provider.hpp"

namespace simulator {
namespace {

std::string time_or_null(const std::optional<Time>& time) {
  return time ? quoted(iso_milliseconds(*time)) : "null";
}

void append_instance(std::string& out, const DenWorker& worker) {
  if (!worker.has_instance) {
    out += "null";
    return;
  }
  // Written once when it is provisioned: it says healthy whatever becomes of the worker.
  const std::string made = iso_milliseconds(worker.created + std::chrono::seconds{70});
  const bool even = worker.id.back() % 2 == 0;
  fmt::format_to(std::back_inserter(out),
                 R"({{"provider":"daytona","region":{},"url":{},"endpointKind":"signed-expiring",)"
                 R"("status":"healthy","createdAt":"{}","updatedAt":"{}"}})",
                 even ? R"("us")" : "null",
                 even ? quoted("https://workers.example.invalid/" + worker.id) : "null", made,
                 made);
}

void append_worker(std::string& out, const DenWorker& worker, const std::string& organization) {
  auto at = std::back_inserter(out);
  fmt::format_to(at,
                 R"({{"id":"{}","orgId":"{}","createdByUserId":null,"isMine":false,"name":{},)"
                 R"("description":null,"destination":"{}","status":{},)",
                 worker.id, organization, quoted(worker.name), worker.local ? "local" : "cloud",
                 quoted(worker.status));
  out += worker.local ? R"("imageVersion":null,"workspacePath":"/home/me/w","sandboxBackend":null,)"
                      : R"("imageVersion":"openwork-0.17.30","workspacePath":null,)"
                        R"("sandboxBackend":"cloud-instance",)";
  fmt::format_to(at,
                 R"("lastHeartbeatAt":{},"lastActiveAt":{},"createdAt":"{}","updatedAt":"{}",)"
                 R"("instance":)",
                 time_or_null(worker.heartbeat), time_or_null(worker.active),
                 iso_milliseconds(worker.created), iso_milliseconds(worker.updated));
  append_instance(out, worker);
  out += '}';
}

Reply bad_limit(std::string_view code, std::string_view message) {
  return json(400, fmt::format(R"({{"error":"invalid_request","details":[{{"code":"{}",)"
                               R"("message":"{}","path":["limit"]}}]}})",
                               code, message));
}

void append_malformed(std::string& out, const std::optional<DenWorker>& first,
                      const std::string& organization) {
  if (first) out += ',';
  out += R"(42,{"name":"no id","status":"healthy","destination":"cloud"},)"
         R"({"id":"wrk_odd","status":7,"name":null,"destination":"cloud",)"
         R"("lastHeartbeatAt":"yesterday","createdAt":-1})";
  if (!first) return;
  out += ',';
  append_worker(out, *first, organization);
}

Reply workers(const Request& request, const Context& context) {
  const bool given = request.query.contains("limit");
  const auto limit = given ? number_in(request.query, "limit") : std::optional<double>{20};
  if (!limit) return bad_limit("invalid_type", "Invalid input: expected number, received NaN");
  if (*limit > 50) return bad_limit("too_big", "Too big: expected number to be <=50");
  if (*limit < 1) return bad_limit("too_small", "Too small: expected number to be >=1");

  // The organisation is gone: the list is empty and nothing says why.
  const Endpoint organization = context.view.fleet->endpoint(Api::den, 0);
  const bool known = context.view.knows(organization) && !context.twist.empty_list;
  const std::size_t end = known ? organization.workers : 0;
  std::size_t ordinal = 0;
  if (context.settings.den_cursor) {
    const auto cursor = from_base64(text_in(request.query, "cursor"));
    if (!cursor) return bad_limit("invalid_format", "Invalid cursor");
    ordinal = std::strtoull(cursor->c_str(), nullptr, 10);
  }
  std::string out = R"({"workers":[)";
  std::optional<DenWorker> first;
  std::size_t rows = 0;
  for (; ordinal < end && rows < static_cast<std::size_t>(*limit); ++ordinal) {
    const auto worker = context.view.den(ordinal);
    if (!worker) continue;
    if (rows++ > 0) out += ',';
    append_worker(out, *worker, organization.id);
    if (!first) first = worker;
  }
  if (context.twist.malformed_worker) append_malformed(out, first, organization.id);
  out += ']';
  if (context.settings.den_cursor) {
    out += R"(,"nextCursor":)";
    out += ordinal < end ? quoted(base64(std::to_string(ordinal))) : "null";
  }
  return json(200, out + '}');
}

Reply bad_key() { return json(401, R"({"error":"unauthorized"})"); }

// Its limiter's refusal is caught on the way out and becomes "no session".
Reply rate_limited(int) { return bad_key(); }

Reply answer(const Request& request, Context& context) {
  Reply reply;
  const std::string key = request.api_key_header.empty()
                              ? std::string(bearer(request.authorization))
                              : request.api_key_header;
  if (request.path == "/health") {
    reply = json(200, R"({"ok":true,"service":"den-api","version":"dev"})");
    reply.route = "/health";
  } else if (request.path != "/v1/workers") {
    reply = json(404, R"({"error":"not_found"})");
  } else {
    const bool accepted = context.accepts(key);
    if (!accepted || !context.limits.den(key, context.now)) {
      reply = bad_key();
    } else if (request.method != "GET") {
      reply = json(404, R"({"error":"not_found"})");
    } else {
      reply = workers(request, context);
    }
    reply.route = "/v1/workers";
    reply.authorized = accepted;
  }
  const auto stamp = static_cast<std::uint64_t>(context.now.time_since_epoch().count());
  reply.headers.emplace_back("X-Request-Id", fmt::format("req_{:016x}", mix(stamp)));
  return reply;
}

}  // namespace

Provider den() {
  return {.host = "den",
          .stands_for = "https://api.openworklabs.com",
          .answer = answer,
          .bad_key = bad_key,
          .rate_limited = rate_limited};
}

}  // namespace simulator
