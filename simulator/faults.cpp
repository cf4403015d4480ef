#include "simulator/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "simulator/hash.hpp"

namespace simulator {
namespace {

constexpr std::array kNames = std::to_array<std::string_view>({"status",
                                                               "rate_limited",
                                                               "auth",
                                                               "slow_first_byte",
                                                               "drip",
                                                               "hang",
                                                               "reset",
                                                               "truncated",
                                                               "short_body",
                                                               "wrong_shape",
                                                               "wrapped",
                                                               "html",
                                                               "empty",
                                                               "huge",
                                                               "wrong_content_type",
                                                               "views_disagree",
                                                               "malformed_worker",
                                                               "error_200",
                                                               "deep",
                                                               "invalid_utf8",
                                                               "duplicate_keys",
                                                               "redirect",
                                                               "gone",
                                                               "nan",
                                                               "empty_list",
                                                               "lagging",
                                                               "numbers",
                                                               "raw",
                                                               "gzip_bomb",
                                                               "rows"});
static_assert(kNames.size() == static_cast<std::size_t>(kLastFaultKind) + 1);

constexpr std::string_view kPage =
    "<!DOCTYPE html><html><head><title>Service</title></head><body>Please wait</body></html>";

double number_of(const FaultRule& rule, std::string_view name, double otherwise) {
  return number_in(rule.parameters, name).value_or(otherwise);
}

std::uint64_t amount_of(const FaultRule& rule, std::string_view name, double otherwise) {
  return static_cast<std::uint64_t>(std::clamp(number_of(rule, name, otherwise), 0.0, 1e12));
}

Reply reply_of(int status, std::string_view content_type, std::string body) {
  Reply reply;
  reply.status = status;
  reply.content_type = content_type;
  reply.body = std::move(body);
  return reply;
}

Reply given_status(const FaultRule& rule) {
  Reply reply = reply_of(static_cast<int>(number_of(rule, "code", 500)), "text/plain",
                         text_in(rule.parameters, "body", "Internal Server Error"));
  if (!reply.body.empty() && (reply.body.front() == '{' || reply.body.front() == '[')) {
    reply.content_type = "application/json";
  }
  const std::string retry_after = text_in(rule.parameters, "retry_after");
  if (!retry_after.empty()) reply.headers.emplace_back("Retry-After", retry_after);
  return reply;
}

// Vast.ai has two forms of an error in a good answer; the others have none.
Reply error_200(const FaultRule& rule, const Provider& provider) {
  if (!provider.host.starts_with("vast")) {
    return reply_of(200, "application/json", R"({"error":"something went wrong","status":500})");
  }
  const std::string text = "authenticate_endpoint_apikey: invalid api_key or endpoint not found";
  return reply_of(200, "application/json",
                  text_in(rule.parameters, "form") == "string"
                      ? quoted(text)
                      : fmt::format(R"({{"error_msg":{}}})", quoted(text)));
}

std::string deep(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

/// Offset just behind `mark` and blanks, or npos.
std::size_t behind(std::string_view body, std::string_view mark, std::size_t from = 0) {
  const std::size_t found = body.find(mark, from);
  return found == std::string_view::npos ? found : found + mark.size();
}

void break_utf8(std::string& body) {
  const std::size_t at = behind(body, "\":\"");
  if (at != std::string::npos) body.insert(at, "\xc3\x28\xff");
}

void duplicate_keys(std::string& body) {
  for (std::size_t at = body.find("\"id\":"); at != std::string::npos;
       at = body.find("\"id\":", at)) {
    const std::size_t end = body.find(',', at);
    if (end == std::string::npos) return;
    const std::string member = body.substr(at, end - at + 1);
    body.insert(at, member);
    at += 2 * member.size();
  }
}

/// Writes `text` for the first number of the body, or for all. Ids are left alone, and so is what
/// an id is compared with.
void put_number(std::string& body, std::string_view text, bool all) {
  for (std::size_t at = behind(body, "\":"); at != std::string::npos;
       at = behind(body, "\":", at)) {
    const std::size_t end = body.find_first_not_of("-0123456789.", at);
    if (end == at || end == std::string::npos) continue;
    const std::string_view before = std::string_view(body).substr(0, at);
    if (before.ends_with("id\":") || before.ends_with("Id\":")) continue;
    body.replace(at, end - at, text);
    if (!all) return;
  }
}

}  // namespace

std::string_view name_of(FaultKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<FaultKind> fault_kind(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<FaultKind>(found - kNames.begin());
}

std::variant<int, std::string> Faults::add(const Query& query) {
  FaultRule rule;
  const auto kind = fault_kind(text_in(query, "kind"));
  if (!kind) return fmt::format("unknown kind, one of: {}", fmt::join(kNames, ", "));
  rule.kind = *kind;
  rule.host = text_in(query, "api", "*");
  if (rule.host != "*" && find_provider(rule.host) == nullptr) return "unknown api";
  if (query.contains("probability") && !number_in(query, "probability")) return "bad probability";
  if (query.contains("count") && !number_in(query, "count")) return "bad count";
  rule.path = text_in(query, "path");
  rule.endpoint = text_in(query, "endpoint");
  rule.probability = number_in(query, "probability").value_or(1);
  if (const auto count = number_in(query, "count")) rule.left = static_cast<std::int64_t>(*count);
  rule.parameters = query;
  const std::lock_guard lock(mutex_);
  rule.id = ++last_id_;
  rules_.push_back(std::move(rule));
  return last_id_;
}

bool Faults::remove(int id) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(rules_, [&](const FaultRule& rule) { return rule.id == id; }) > 0;
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
}

std::string Faults::list() const {
  const std::lock_guard lock(mutex_);
  std::string out = R"({"faults":[)";
  for (const FaultRule& rule : rules_) {
    if (out.back() == '}') out += ',';
    out += fmt::format(R"({{"id":{},"api":{},"path":{},"endpoint":{},"kind":"{}","probability":{},)"
                       R"("left":{},"hits":{}}})",
                       rule.id, quoted(rule.host), quoted(rule.path), quoted(rule.endpoint),
                       name_of(rule.kind), rule.probability,
                       rule.left ? std::to_string(*rule.left) : "null", rule.hits);
  }
  return out + "]}";
}

std::optional<FaultRule> Faults::pick(const Request& request) {
  const std::lock_guard lock(mutex_);
  if (rules_.empty()) return std::nullopt;
  const std::string endpoint = endpoint_named_by(request);
  for (FaultRule& rule : rules_) {
    if (rule.host != "*" && rule.host != request.host) continue;
    if (request.path.find(rule.path) == std::string::npos && rule.path != endpoint) continue;
    if (!rule.endpoint.empty() && rule.endpoint != endpoint) continue;
    if (rule.left && *rule.left <= 0) continue;
    if (fraction(hash_of({seed_, 40, ++throws_})) >= rule.probability) continue;
    if (rule.left) --*rule.left;
    ++rule.hits;
    return rule;
  }
  return std::nullopt;
}

std::optional<Reply> replacement(const FaultRule& rule, const Provider& provider) {
  switch (rule.kind) {
    case FaultKind::status:
      return given_status(rule);
    case FaultKind::rate_limited:
      return provider.rate_limited(static_cast<int>(number_of(rule, "retry_after", 0)));
    case FaultKind::auth:
      return provider.bad_key();
    case FaultKind::html:
      return reply_of(200, "text/html; charset=UTF-8", std::string(kPage));
    case FaultKind::empty:
      return reply_of(200, "application/json", "");
    case FaultKind::error_200:
      return error_200(rule, provider);
    case FaultKind::deep:
      return reply_of(200, "application/json",
                      deep(static_cast<std::size_t>(
                          std::clamp(number_of(rule, "depth", 100'000), 1.0, 10'000'000.0))));
    case FaultKind::redirect: {
      Reply reply = reply_of(302, "text/html", "");
      reply.headers.emplace_back("Location",
                                 text_in(rule.parameters, "to", "https://example.invalid/"));
      return reply;
    }
    case FaultKind::gone:
      return reply_of(410, "application/json", R"({"message":"this API has been retired"})");
    default:
      return std::nullopt;
  }
}

Twist twist_of(const FaultRule& rule) {
  Twist twist{.malformed_worker = rule.kind == FaultKind::malformed_worker,
              .views_disagree = rule.kind == FaultKind::views_disagree,
              .empty_list = rule.kind == FaultKind::empty_list};
  if (rule.kind == FaultKind::lagging) {
    const double seconds = std::clamp(number_of(rule, "seconds", 60), 0.0, 1e9);
    twist.lag = std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
  }
  return twist;
}

Delivery spoiled(const FaultRule& rule, Reply reply) {
  Delivery delivery;
  std::string& body = reply.body;
  switch (rule.kind) {
    case FaultKind::slow_first_byte:
      delivery.delay_s = number_of(rule, "seconds", 5);
      break;
    case FaultKind::drip:
      delivery.manner = Delivery::Manner::drip;
      delivery.bytes_per_second = std::max(number_of(rule, "bytes_per_second", 10), 0.1);
      break;
    case FaultKind::hang:
      delivery.manner = Delivery::Manner::hang;
      break;
    case FaultKind::reset:
      delivery.manner = Delivery::Manner::reset;
      break;
    case FaultKind::truncated:
      body.resize(body.size() / 2);
      break;
    case FaultKind::short_body:
      delivery.manner = Delivery::Manner::short_body;
      delivery.promised_bytes = body.size() + 1;
      body.resize(body.size() / 2);
      break;
    case FaultKind::huge:
      delivery.manner = Delivery::Manner::huge;
      delivery.promised_bytes = amount_of(rule, "bytes", 64.0 * 1024 * 1024);
      break;
    case FaultKind::wrong_shape:
      body = body.starts_with('[') ? R"({"unexpected":)" + body + "}" : "[" + body + "]";
      break;
    case FaultKind::wrapped:
      body = R"({"workers":)" + body + "}";
      break;
    case FaultKind::lagging:
      if (const auto age = text_in(rule.parameters, "age"); !age.empty()) {
        reply.headers.emplace_back("Age", age);
      }
      break;
    case FaultKind::wrong_content_type:
      reply.content_type = "text/html; charset=UTF-8";
      break;
    case FaultKind::invalid_utf8:
      break_utf8(body);
      break;
    case FaultKind::duplicate_keys:
      duplicate_keys(body);
      break;
    case FaultKind::nan:
      put_number(body, "NaN", false);
      break;
    case FaultKind::numbers:
      put_number(body, text_in(rule.parameters, "value", "1e999"), true);
      break;
    case FaultKind::raw:
      delivery.manner = Delivery::Manner::flood;
      delivery.flood = raw_flood(rule.parameters);
      delivery.bytes_per_second = std::max(number_of(rule, "bytes_per_second", 0), 0.0);
      break;
    case FaultKind::gzip_bomb:
      delivery.manner = Delivery::Manner::flood;
      delivery.flood = gzip_bomb(amount_of(rule, "bytes", 1024.0 * 1024 * 1024));
      break;
    case FaultKind::rows:
      delivery.manner = Delivery::Manner::flood;
      delivery.flood =
          rows_of(body, amount_of(rule, "rows", 10'000'000), text_in(rule.parameters, "row"));
      break;
    default:
      break;
  }
  delivery.reply = std::move(reply);
  return delivery;
}

}  // namespace simulator
