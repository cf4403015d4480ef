#include "daemon/etcd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <system_error>
#include <utility>

#include "daemon/base64.hpp"
#include "daemon/clock.hpp"
#include "daemon/files.hpp"

namespace serverless::daemon {
namespace {

using config::Secret;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A thousand keys with what members write into them, or one of the largest values that etcd
// takes.
constexpr std::size_t kMaxBody = std::size_t{4} * 1024 * 1024;
// No lease is longer: moments in nanoseconds are made of it.
constexpr std::int64_t kLongestLease = std::int64_t{366} * 24 * 3600;
constexpr std::size_t kKeysOfAPage = 1000;
constexpr std::size_t kFewerKeys = 32;  // Where they are too large: a page has so many times fewer.

struct Words {
  std::string_view text{};
  Reason reason = Reason::provider;
};

constexpr std::string_view kNoLease = "etcdserver: requested lease not found";
// The status is no guide: a wrong password is 400.
constexpr std::array kWords{
    Words{"etcdserver: authentication failed, invalid user ID or password", Reason::auth},
    Words{"etcdserver: invalid auth token", Reason::auth},
    Words{"etcdserver: revision of auth store is old", Reason::auth},
    Words{"etcdserver: user name is empty", Reason::auth},
    Words{"etcdserver: permission denied", Reason::forbidden},
    Words{kNoLease, Reason::gone},
    Words{"etcdserver: request is too large", Reason::too_large},
};
constexpr std::string_view kNoAuthentication = "etcdserver: authentication is not enabled";
constexpr std::string_view kCompacted = "etcdserver: mvcc: required revision has been compacted";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '"' || c == '\\') {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string key_json(std::string_view key) {
  return fmt::format(R"({{"key":"{}"}})", base64::encode(key));
}

std::string put_json(std::string_view key, std::string_view value, std::int64_t lease) {
  return fmt::format(R"({{"key":"{}","value":"{}","lease":"{}"}})", base64::encode(key),
                     base64::encode(value), lease);
}

std::string lease_json(std::int64_t lease) { return fmt::format(R"({{"ID":"{}"}})", lease); }

// The first key beyond all that begin so; a zero byte where there is no such key.
std::string end_of(std::string_view prefix) {
  std::string end(prefix);
  while (end.ends_with('\xFF')) end.pop_back();
  if (end.empty()) return {'\0'};
  ++end.back();
  return end;
}

// An object of etcd's. What is zero, false or empty is left out of it; 64 bits are a text.
class Reading {
 public:
  /// @param good  becomes false where something is not as it should be.
  Reading(const json::Value& object, bool& good) : object_(&object), good_(&good) {
    if (object.kind != json::Value::Kind::object) good = false;
  }

  [[nodiscard]] std::int64_t integer(std::string_view name) const {
    const auto* value = object_->find(name);
    if (value == nullptr) return 0;
    std::int64_t number = 0;
    const auto* end = value->text.data() + value->text.size();
    const auto read = std::from_chars(value->text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) *good_ = false;
    return number;
  }

  [[nodiscard]] std::string text(std::string_view name) const {
    const auto* value = object_->find(name);
    if (value == nullptr) return {};
    if (value->kind != json::Value::Kind::string) *good_ = false;
    return std::string(value->text);
  }

  [[nodiscard]] std::string bytes(std::string_view name) const {
    auto bytes = base64::decode(text(name));
    if (!bytes) *good_ = false;
    return bytes ? std::move(*bytes) : std::string();
  }

  [[nodiscard]] bool flag(std::string_view name) const {
    const auto* value = object_->find(name);
    if (value == nullptr) return false;
    if (value->kind != json::Value::Kind::boolean) *good_ = false;
    return value->boolean;
  }

  // One without members where there is none.
  [[nodiscard]] Reading object(std::string_view name) const { return of(object_->find(name)); }

  // The first of a list.
  [[nodiscard]] Reading first(std::string_view name) const {
    const auto* list = object_->find(name);
    return of(list == nullptr || list->inside().empty() ? nullptr : list->first);
  }

 private:
  [[nodiscard]] Reading of(const json::Value* value) const {
    static const json::Value kNothing{.kind = json::Value::Kind::object};
    return {value == nullptr ? kNothing : *value, *good_};
  }

  const json::Value* object_;
  bool* good_;
};

seconds ttl_of(const Reading& read) {
  return seconds{std::min(read.integer("TTL"), kLongestLease)};
}

tl::unexpected<Error> not_etcds() {
  return fail(Reason::schema, "the answer is not of the form that etcd's are");
}

/// @param read  makes a value of a Reading.
template <typename Read>
auto read_answer(const Result<json::Document>& answer, const Read& read)
    -> Result<decltype(read(std::declval<Reading>()))> {
  if (!answer) return tl::make_unexpected(answer.error());
  bool good = true;
  auto value = read(Reading(*answer, good));
  if (!good) return not_etcds();
  return value;
}

Result<void> nothing_of(const Result<json::Document>& answer) {
  if (!answer) return tl::make_unexpected(answer.error());
  return {};
}

struct Refusal {
  Error error{};
  bool elsewhere = false;  ///< Another server may say otherwise.
};

// No leader, or something before etcd that does not reach it.
bool is_elsewhere(std::int64_t status) { return status >= 502 && status <= 504; }

// {"message":...}, and where an answer is a stream {"error":{"http_code":...,"message":...}}.
std::optional<Refusal> refusal_of(const json::Value& body, int status) {
  const auto* error = body.find("error");
  const auto* within = error != nullptr && error->kind == json::Value::Kind::object ? error : &body;
  const auto* message = within->find("message");
  if (message == nullptr || message->kind != json::Value::Kind::string) return std::nullopt;
  const auto known = std::find_if(kWords.begin(), kWords.end(),
                                  [&](const Words& words) { return words.text == message->text; });
  const auto reason = known == kWords.end() ? Reason::provider : known->reason;
  bool good = true;
  const auto code = Reading(*within, good).integer("http_code");
  return Refusal{.error = {.reason = reason, .detail = std::string(message->text)},
                 .elsewhere = is_elsewhere(code == 0 ? status : code)};
}

// What its HTTP server says before the gateway, as a text of one line: of the certificate of a
// client that is a user, too.
std::string plain_words(const http::Response& response) {
  constexpr std::size_t kLongest = 200;
  if (!response.header("content-type").starts_with("text/plain")) return {};
  const auto line = response.body.substr(0, response.body.find('\n'));
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (line.empty() || line.size() > kLongest) return {};
  return std::all_of(line.begin(), line.end(), is_printable) ? ": " + line : std::string();
}

std::optional<Refusal> refusal_of(const Result<json::Document>& body,
                                  const http::Response& response) {
  if (body) {
    if (auto refusal = refusal_of(*body, response.status)) return refusal;
  }
  if (auto error = http::judge(response)) {
    error->detail += plain_words(response);
    return Refusal{.error = std::move(*error), .elsewhere = is_elsewhere(response.status)};
  }
  if (!body) return Refusal{.error = body.error()};
  return std::nullopt;
}

bool is_unreachable(Reason reason) {
  return reason == Reason::connect || reason == Reason::dns || reason == Reason::tls ||
         reason == Reason::timeout;
}

}  // namespace

Etcd::Etcd(config::Cluster cluster, CurlHttp& http)
    : cluster_(std::move(cluster)),
      trust_{.ca_file = cluster_.ca_file,
             .cert_file = cluster_.cert_file,
             .key_file = cluster_.key_file},
      http_(http) {}

Etcd::Call Etcd::begin(const std::stop_token& stop) {
  return {.deadline = read_clock().mono + kPatience, .stop = stop};
}

Result<json::Document> Etcd::ask(std::string_view path, const std::string& body, Call& call,
                                 const json::OnElement& on_key) {
  std::optional<Secret> refused;
  while (true) {
    auto with = token(refused, call);
    if (!with) return tl::make_unexpected(std::move(with.error()));
    auto answer = ask_as(*with, path, body, call, on_key);
    if (answer || answer.error().reason != Reason::auth) return answer;
    if (refused || cluster_.username.empty()) return answer;
    refused = std::move(*with);
  }
}

Result<json::Document> Etcd::ask_as(const Secret& token, std::string_view path,
                                    const std::string& body, Call& call,
                                    const json::OnElement& on_key) {
  const auto count = cluster_.etcd.size();
  const auto first = first_server();
  for (std::size_t asked = 0; true;) {
    const auto server = (first + asked) % count;
    const auto part = std::chrono::floor<milliseconds>(call.deadline - read_clock().mono) /
                      static_cast<std::int64_t>(count - asked);
    if (part <= milliseconds{0}) return fail(Reason::timeout, "there is no time left");
    const auto& url = cluster_.etcd[server];
    const auto response =
        http_.send({.api = "etcd",
                    .operation = std::string(path),
                    .method = "POST",
                    .url = fmt::format("{}/v3/{}", url, path),
                    .body = body,
                    .auth = http::Auth::token},
                   token, {.timeout = part, .max_body = kMaxBody}, call.stop, trust_);
    Refusal refusal;
    if (response) {
      auto document = json::decode(response->body, "kvs", on_key);
      auto told = refusal_of(document, *response);
      if (!told || !told->elsewhere) stay_with(server);
      if (!told) return document;
      refusal = std::move(*told);
    } else {
      refusal.error = response.error();
      refusal.elsewhere = is_unreachable(refusal.error.reason);
      if (refusal.elsewhere) refusal.error.detail.insert(0, url + ": ");
    }
    if (!refusal.elsewhere) return tl::make_unexpected(std::move(refusal.error));
    if (++asked == count) {
      // The next call has its time for another one first.
      stay_with((first + 1) % count);
      return tl::make_unexpected(std::move(refusal.error));
    }
    call.repeated = true;
  }
}

std::size_t Etcd::first_server() {
  const std::lock_guard lock(mutex_);
  return server_;
}

void Etcd::stay_with(std::size_t server) {
  const std::lock_guard lock(mutex_);
  server_ = server;
}

Result<Secret> Etcd::token(const std::optional<Secret>& refused, Call& call) {
  if (cluster_.username.empty()) return Secret{};
  {
    const std::lock_guard lock(mutex_);
    // Another thread may have a new one.
    if (token_ && token_ != refused) return *token_;
  }
  auto fresh = authenticate(call);
  if (!fresh) return fresh;
  const std::lock_guard lock(mutex_);
  token_ = *fresh;
  return fresh;
}

Result<Secret> Etcd::authenticate(Call& call) {
  const auto text = read_file(cluster_.password_file);
  if (!text) {
    return fail(Reason::auth,
                fmt::format("cannot read {}: {}", cluster_.password_file, text.error()));
  }
  // Without the end of its line.
  const auto password = std::string_view(*text).substr(0, text->find_last_not_of("\r\n") + 1);
  const auto answer = ask_as(
      {}, "auth/authenticate",
      fmt::format(R"({{"name":{},"password":{}}})", quoted(cluster_.username), quoted(password)),
      call);
  // It lets everybody in then, and wants to see no token.
  if (!answer && answer.error().detail == kNoAuthentication) return Secret{};
  return read_answer(answer, [](const Reading& read) { return Secret(read.text("token")); });
}

Result<Etcd::Lease> Etcd::grant(seconds ttl, const std::stop_token& stop) {
  auto call = begin(stop);
  const auto answer = ask("lease/grant", fmt::format(R"({{"TTL":"{}"}})", ttl.count()), call);
  auto lease = read_answer(answer, [](const Reading& read) {
    return Lease{.id = read.integer("ID"), .ttl = ttl_of(read)};
  });
  if (lease && (lease->id == 0 || lease->ttl <= seconds{0})) return not_etcds();
  return lease;
}

Result<seconds> Etcd::keep_alive(std::int64_t lease, const std::stop_token& stop) {
  auto call = begin(stop);
  const auto answer = ask("lease/keepalive", lease_json(lease), call);
  auto ttl = read_answer(answer, [](const Reading& read) { return ttl_of(read.object("result")); });
  // That is how etcd says that it does not know the lease.
  if (ttl && *ttl <= seconds{0}) return fail(Reason::gone, std::string(kNoLease));
  return ttl;
}

Result<void> Etcd::revoke(std::int64_t lease, const std::stop_token& stop) {
  auto call = begin(stop);
  const auto answer = ask("lease/revoke", lease_json(lease), call);
  if (answer || answer.error().reason == Reason::gone) return {};
  return tl::make_unexpected(answer.error());
}

Result<void> Etcd::put(std::string_view key, std::string_view value, std::int64_t lease,
                       const std::stop_token& stop) {
  auto call = begin(stop);
  return nothing_of(ask("kv/put", put_json(key, value, lease), call));
}

Result<bool> Etcd::put_new(std::string_view key, std::string_view value, std::int64_t lease,
                           const std::stop_token& stop) {
  auto call = begin(stop);
  const auto answer =
      ask("kv/txn",
          fmt::format(R"({{"compare":[{{"target":"CREATE","key":"{}","create_revision":"0"}}],)"
                      R"("success":[{{"request_put":{}}}],"failure":[{{"request_range":{}}}]}})",
                      base64::encode(key), put_json(key, value, lease), key_json(key)),
          call);
  return read_answer(answer, [&](const Reading& read) {
    if (read.flag("succeeded")) return true;
    // What an earlier server was asked may have been done, though it did not say so.
    const auto there = read.first("responses").object("response_range").first("kvs");
    return call.repeated && there.bytes("value") == value && there.integer("lease") == lease;
  });
}

Result<void> Etcd::remove(std::string_view key, const std::stop_token& stop) {
  auto call = begin(stop);
  return nothing_of(ask("kv/deleterange", key_json(key), call));
}

Result<std::optional<Etcd::KeyValue>> Etcd::get(std::string_view key, const std::stop_token& stop) {
  auto call = begin(stop);
  auto found = page(key, {}, 0, 1, call);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  std::optional<KeyValue> first;
  if (!found->keys.empty()) first = std::move(found->keys.front());
  return first;
}

Result<std::vector<Etcd::KeyValue>> Etcd::range(std::string_view prefix,
                                                const std::stop_token& stop, std::size_t bytes) {
  auto call = begin(stop);
  const auto end = end_of(prefix);
  std::vector<KeyValue> all;
  std::size_t size = 0;
  std::int64_t revision = 0;
  auto most = kKeysOfAPage;
  while (true) {
    // What follows a key directly is itself and a zero byte.
    const auto from = all.empty() ? std::string(prefix) : all.back().key + '\0';
    auto next = page(from.empty() ? std::string_view("\0", 1) : from, end, revision, most, call);
    if (next) {
      // Later ones tell of a later revision than that which they are of.
      if (all.empty()) revision = next->revision;
      for (const auto& each : next->keys) size += each.key.size() + each.value.size();
      if (size > bytes) {
        return fail(Reason::too_large,
                    fmt::format("below {} are more than {} bytes", prefix, bytes));
      }
      std::move(next->keys.begin(), next->keys.end(), std::back_inserter(all));
      if (!next->more) return all;
    } else if (next.error().reason == Reason::too_large && most > 1) {
      most = std::max<std::size_t>(1, most / kFewerKeys);
    } else if (next.error().detail == kCompacted) {
      all.clear();
      size = 0;
      revision = 0;
    } else {
      return tl::make_unexpected(std::move(next.error()));
    }
  }
}

Result<Etcd::Page> Etcd::page(std::string_view from, std::string_view end, std::int64_t revision,
                              std::size_t most, Call& call) {
  Page page;
  bool good = true;
  const auto answer =
      ask("kv/range",
          fmt::format(R"({{"key":"{}","range_end":"{}","revision":"{}","limit":"{}"}})",
                      base64::encode(from), base64::encode(end), revision, most),
          call, [&](const std::string&, const json::Value& object) {
            const Reading read(object, good);
            page.keys.push_back({.key = read.bytes("key"),
                                 .value = read.bytes("value"),
                                 .create_revision = read.integer("create_revision"),
                                 .mod_revision = read.integer("mod_revision"),
                                 .lease = read.integer("lease")});
          });
  if (!answer) return tl::make_unexpected(answer.error());
  const Reading read(*answer, good);
  page.revision = read.object("header").integer("revision");
  page.more = read.flag("more");
  // It would be asked for again and again.
  if (page.more && page.keys.empty()) good = false;
  if (!good) return not_etcds();
  return page;
}

}  // namespace serverless::daemon
