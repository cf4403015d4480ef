#include "simulator/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string_view take(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::optional<int> positive(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::vector<Window>> parse_policy(std::string_view text) {
  std::vector<Window> windows;
  while (!text.empty()) {
    std::string_view member = take(text, ',');
    const std::string_view name = take(member, ':');
    const auto quota = positive(take(member, ':'));
    const auto length = positive(member);
    if (name.empty() || !quota || !length) return std::nullopt;
    windows.push_back({std::string(name), *quota, seconds{*length}});
  }
  if (windows.empty()) return std::nullopt;
  return windows;
}

Limits::Limits(LimitSettings settings) : settings_(std::move(settings)) {}

void Limits::enforce(bool enforced) {
  const std::lock_guard lock(mutex_);
  settings_.enforced = enforced;
}

RunpodQuota Limits::runpod(std::string_view key, RealTime now) {
  const std::lock_guard lock(mutex_);
  RunpodQuota quota;
  if (!settings_.enforced) return quota;
  std::vector<Count>& counts = runpod_[std::string(key)];
  counts.resize(settings_.runpod.size(), Count{0, now});
  const auto left = [&](std::size_t i) {
    const auto wait = settings_.runpod[i].length - (now - counts[i].since);
    return static_cast<int>(std::chrono::ceil<seconds>(wait).count());
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (now - counts[i].since >= settings_.runpod[i].length) counts[i] = {0, now};
    if (quota.allowed && counts[i].used >= settings_.runpod[i].quota) {
      quota.allowed = false;
      quota.exceeded = settings_.runpod[i].name;
      quota.retry_after_s = left(i);
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Window& window = settings_.runpod[i];
    if (quota.allowed) ++counts[i].used;
    const char* comma = i == 0 ? "" : ", ";
    quota.rate_limit += fmt::format("{}\"{}\";r={};t={}", comma, window.name,
                                    window.quota - counts[i].used, left(i));
    quota.policy +=
        fmt::format("{}\"{}\";q={};w={}", comma, window.name, window.quota, window.length.count());
  }
  return quota;
}

milliseconds Limits::vast(std::string_view key, std::string_view route, milliseconds spacing,
                          RealTime now) {
  const std::lock_guard lock(mutex_);
  if (!settings_.enforced) return milliseconds{0};
  const auto [last, first] = vast_.try_emplace({std::string(key), std::string(route)}, now);
  if (first) return milliseconds{0};
  const auto wait = spacing - (now - last->second);
  if (wait > RealTime::duration::zero()) return std::chrono::ceil<milliseconds>(wait);
  last->second = now;
  return milliseconds{0};
}

bool Limits::den(std::string_view key, RealTime now) {
  const std::lock_guard lock(mutex_);
  if (!settings_.enforced) return true;
  Count& count = den_.try_emplace(std::string(key), Count{0, now}).first->second;
  if (now - count.since > seconds{60}) {
    count.used = 0;
  } else if (count.used >= settings_.den) {
    return false;
  }
  ++count.used;
  count.since = now;
  return true;
}

}  // namespace simulator
