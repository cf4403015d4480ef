#include "simulator/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace simulator {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostLogged = 100'000;

milliseconds from_seconds(double seconds) {
  return milliseconds{static_cast<std::int64_t>(seconds * 1000)};
}

}  // namespace

World::World(WorldSettings settings)
    : settings_(std::move(settings)),
      fleet_(settings_.shape),
      faults_(settings_.shape.seed),
      limits_(settings_.limits),
      frozen_(settings_.frozen),
      base_(settings_.start),
      since_(std::chrono::steady_clock::now()) {
  for (const auto& key : settings_.keys) add_key(key);
}

Time World::now_locked() const {
  if (frozen_) return base_;
  const std::chrono::duration<double> real = std::chrono::steady_clock::now() - since_;
  return base_ + from_seconds(real.count() * settings_.speed);
}

View World::view() const {
  const std::lock_guard lock(mutex_);
  return {&fleet_, controls_, now_locked()};
}

void World::freeze() {
  const std::lock_guard lock(mutex_);
  base_ = now_locked();
  frozen_ = true;
}

void World::thaw() {
  const std::lock_guard lock(mutex_);
  base_ = now_locked();
  since_ = std::chrono::steady_clock::now();
  frozen_ = false;
}

void World::advance(double seconds) {
  const std::lock_guard lock(mutex_);
  base_ += from_seconds(seconds);
}

void World::set_skew(double seconds) {
  const std::lock_guard lock(mutex_);
  skew_ = from_seconds(seconds);
}

void World::add_key(std::string key) {
  const std::lock_guard lock(mutex_);
  if (keys_.try_emplace(std::move(key), keys_ever_).second) ++keys_ever_;
}

void World::remove_key(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(key);
  if (found != keys_.end()) keys_.erase(found);
}

std::optional<std::size_t> World::number_of(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(key);
  return key.empty() || found == keys_.end() ? std::nullopt : std::optional(found->second);
}

// Copied before it is changed: answers under way keep the view they began with.
void World::change(const std::function<void(Controls&)>& edit) {
  const std::lock_guard lock(mutex_);
  auto next = std::make_shared<Controls>(*controls_);
  edit(*next);
  controls_ = std::move(next);
}

Delivery World::from_provider(const Provider& provider, const Request& request) {
  const auto rule = faults_.pick(request);
  if (rule) {
    if (auto reply = replacement(*rule, provider)) {
      return {.reply = std::move(*reply), .fault = name_of(rule->kind)};
    }
  }
  const View seen = view();
  std::optional<std::size_t> key_number;
  const std::function<bool(std::string_view)> accepts_key = [&](std::string_view key) {
    key_number = number_of(key);
    return key_number.has_value();
  };
  Context context{.view = seen,
                  .settings = settings_.provider,
                  .accepts = accepts_key,
                  .limits = limits_,
                  .twist = rule ? twist_of(*rule) : Twist{},
                  .now = std::chrono::steady_clock::now()};
  Reply reply = provider.answer(request, context);
  reply.key = key_number;
  if (!rule) return {.reply = std::move(reply)};
  Delivery delivery = spoiled(*rule, std::move(reply));
  delivery.fault = name_of(rule->kind);
  return delivery;
}

Delivery World::answer(const Request& request) {
  Delivery delivery;
  if (request.host == "admin") {
    delivery.reply = admin(request, *this);
  } else if (const Provider* provider = find_provider(request.host)) {
    delivery = from_provider(*provider, request);
    delivery.reply.endpoint = endpoint_named_by(request);
    remember(request, delivery);
  } else {
    delivery.reply.status = 404;
    delivery.reply.body = R"({"error":"no such host"})";
  }
  const std::lock_guard lock(mutex_);
  delivery.reply.headers.emplace_back("Date", http_date(now_locked() + skew_));
  return delivery;
}

void World::remember(const Request& request, const Delivery& delivery) {
  const bool silent =
      delivery.manner == Delivery::Manner::hang || delivery.manner == Delivery::Manner::reset;
  const std::chrono::duration<double> unix_time =
      std::chrono::system_clock::now().time_since_epoch();
  LoggedRequest entry{.unix_time = unix_time.count(),
                      .host = request.host,
                      .method = request.method,
                      .target = request.target,
                      .endpoint = delivery.reply.endpoint,
                      .code = silent ? 0 : delivery.reply.status,
                      .user_agent = request.user_agent,
                      .authorized = delivery.reply.authorized,
                      .key = delivery.reply.key,
                      .fault = delivery.fault};
  for (const auto& [name, value] : delivery.reply.headers) {
    if (name == "Retry-After") entry.retry_after = value;
  }
  const std::string route = delivery.reply.route.empty() ? "other" : delivery.reply.route;
  const std::lock_guard lock(mutex_);
  entry.sequence = ++sequence_;
  ++counts_[{entry.host, route, entry.code}];
  log_.push_back(std::move(entry));
  if (log_.size() > kMostLogged) log_.pop_front();
}

std::string World::requests_since(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  std::string out = fmt::format(R"({{"last":{},"requests":[)", sequence_);
  const auto begin = std::ranges::upper_bound(log_, sequence, {}, &LoggedRequest::sequence);
  for (auto entry = begin; entry != log_.end(); ++entry) {
    if (entry != begin) out += ',';
    out += fmt::format(
        R"({{"sequence":{},"time":{:.3f},"api":{},"method":{},"path":{},"endpoint":{},)"
        R"("code":{},"user_agent":{},"authorized":{},"key":{},"retry_after":{},"fault":{}}})",
        entry->sequence, entry->unix_time, quoted(entry->host), quoted(entry->method),
        quoted(entry->target), quoted(entry->endpoint), entry->code, quoted(entry->user_agent),
        entry->authorized, entry->key ? std::to_string(*entry->key) : "null",
        entry->retry_after.empty() ? "null" : quoted(entry->retry_after),
        entry->fault.empty() ? "null" : quoted(entry->fault));
  }
  return out + "]}";
}

std::string World::stats() const {
  const std::lock_guard lock(mutex_);
  std::string out = R"({"stats":[)";
  for (const auto& [key, count] : counts_) {
    const auto& [host, route, code] = key;
    if (out.back() == '}') out += ',';
    out += fmt::format(R"({{"api":{},"route":{},"code":{},"count":{}}})", quoted(host),
                       quoted(route), code, count);
  }
  return out + "]}";
}

}  // namespace simulator
