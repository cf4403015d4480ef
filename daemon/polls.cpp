#include "daemon/polls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "daemon/wording.hpp"

namespace serverless::daemon {
namespace {

constexpr std::size_t kStretch = 64 * 1024;

// Of UTF-8: U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069; U+061C; U+2028 and U+2029.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kActing{{
    {"\u061C", "\\u{61C}"},
    {"\u200E", "\\u{200E}"},
    {"\u200F", "\\u{200F}"},
    {"\u2028", "\\u{2028}"},
    {"\u2029", "\\u{2029}"},
    {"\u202A", "\\u{202A}"},
    {"\u202B", "\\u{202B}"},
    {"\u202C", "\\u{202C}"},
    {"\u202D", "\\u{202D}"},
    {"\u202E", "\\u{202E}"},
    {"\u2066", "\\u{2066}"},
    {"\u2067", "\\u{2067}"},
    {"\u2068", "\\u{2068}"},
    {"\u2069", "\\u{2069}"},
}};

std::string next_text(const AccountPage& account, const std::string& key, Mono now) {
  const auto found = account.next_polls.find(key);
  if (found == account.next_polls.end()) return "not planned";
  if (found->second.in_flight) return "under way";
  const auto wait = std::chrono::duration<double>(found->second.at - now).count();
  return wait <= 0 ? "now" : fmt::format("in {:.1f} s", wait);
}

std::string sources_text(const PollLog& log) {
  std::vector<std::string_view> names;
  for (const Source source : log.supplies) names.push_back(name(source));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string section(const AccountPage& account, const std::string& key, const PollLog& log,
                    Mono now) {
  std::string out =
      fmt::format("\n{} ({}): {} {}: {}; next {}\n", visible(account.state.name),
                  account.state.provider->name, visible(log.operation),
                  log.endpoint_id.empty() ? "of the account" : "of " + visible(log.endpoint_id),
                  sources_text(log), next_text(account, key, now));
  if (log.polls.empty()) return out + "  no poll has ended yet\n";
  out += fmt::format("  {:<24} {:>9} {:>8} {:>10}  {:<12} {}\n", "sent", "took", "requests",
                     "bytes", "code", "result");
  for (auto poll = log.polls.rbegin(); poll != log.polls.rend(); ++poll) {
    out += fmt::format("  {:<24} {:>7.3f} s {:>8} {:>10}  {:<12} {}\n", time_text(poll->sent),
                       std::chrono::duration<double>(poll->duration).count(), poll->requests,
                       poll->bytes, poll->code, poll->reason ? name(*poll->reason) : "good");
  }
  return out;
}

struct Found {
  const AccountPage* account = nullptr;
  const std::string* key = nullptr;
  const PollLog* log = nullptr;
};

std::vector<Found> find_logs(const Pages& pages, const WorkerQuery& query) {
  std::vector<Found> found;
  for (const auto& account : pages) {
    if (!query.account.empty() && query.account != account->state.name) continue;
    if (!query.provider.empty() && query.provider != account->state.provider->label) continue;
    const auto& wanted = query.endpoint;
    if (!wanted.empty() && !account->state.endpoints.contains(wanted)) continue;
    for (const auto& [key, log] : account->state.polls) {
      const bool of_all = log->endpoint_id.empty();
      if (!wanted.empty() && !of_all && wanted != log->endpoint_id) continue;
      found.push_back({.account = account.get(), .key = &key, .log = log.get()});
    }
  }
  return found;
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto acting = std::find_if(kActing.begin(), kActing.end(), [&](const auto& each) {
      return text.starts_with(each.first);
    });
    const auto byte = static_cast<unsigned char>(text.front());
    if (acting != kActing.end()) {
      out += acting->second;
      text.remove_prefix(acting->first.size());
      continue;
    }
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{{{:X}}}", byte);
    } else {
      out += text.front();
    }
    text.remove_prefix(1);
  }
  return out;
}

tl::expected<Stream, std::string> polls_text(Pages pages, Arguments arguments, Now now) {
  WorkerQuery query;
  for (const auto& [name, value] : arguments) {
    if (name != "provider" && name != "account" && name != "endpoint") {
      return tl::make_unexpected(fmt::format("there is no argument '{}'\n", name));
    }
    static_cast<void>(take_argument(query, name, value));
  }
  auto found = find_logs(pages, query);
  auto head = fmt::format("The last {} polls of each target, the newest first, at {}.\n",
                          kRememberedPolls, time_text(now.wall));
  return [pages = std::move(pages), found = std::move(found), head = std::move(head), now,
          next = std::size_t{0}]() mutable {
    std::string text = std::exchange(head, {});
    for (; next < found.size() && text.size() < kStretch; ++next) {
      text += section(*found[next].account, *found[next].key, *found[next].log, now.mono);
    }
    return text;
  };
}

}  // namespace serverless::daemon
