#include "daemon/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "daemon/plan.hpp"

namespace serverless::daemon {
namespace {

using std::chrono::milliseconds;

// One operation's calls.
struct Line {
  std::string api{};
  std::int64_t requests = 0;  // In one interval.
  milliseconds interval{0};
  milliseconds wanted{0};
};

std::string interval_text(milliseconds interval) {
  if (interval.count() % 60000 == 0) return fmt::format("{}m", interval.count() / 60000);
  return fmt::format("{:g}s", std::chrono::duration<double>(interval).count());
}

std::map<std::string, Line> lines_of(const std::vector<Target>& targets, const Tempo& tempo) {
  const auto planned = schedule(targets, tempo);
  std::map<std::string, Line> lines;
  for (const auto& target : targets) {
    auto& line = lines[target.operation];
    line.api = target.api;
    line.requests += requests_of(target, tempo);
    line.interval = planned.intervals.at(target.operation);
    line.wanted = target.slow ? tempo.discovery_interval : tempo.interval;
  }
  return lines;
}

std::string text_of(const std::string& operation, const Line& line, std::uint32_t sharers,
                    std::string_view of_what) {
  const double a_second =
      static_cast<double>(line.requests) / std::chrono::duration<double>(line.interval).count();
  auto text =
      fmt::format("  {:<10} {:<22} every {:>5}  {:.4g} a minute, {:.4g} an hour, {:.5g} a day{}\n",
                  line.api, operation, interval_text(line.interval), a_second * 60, a_second * 3600,
                  a_second * 86400, of_what);
  if (line.interval > line.wanted) {
    text += fmt::format(
        "  warning: {} is polled every {} instead of every {}: the provider's documented limits "
        "allow no more{}\n",
        operation, interval_text(line.interval), interval_text(line.wanted),
        sharers == 1 ? "" : fmt::format(" to each of {} that share them", sharers));
  }
  return text;
}

// What of the account is meant.
std::string subject(std::size_t known, std::size_t ours, const Share& share) {
  if (!share.any) return "another shard's";
  if (known == 0 && share.askers > 1) {
    return fmt::format("discovers its endpoints, and polls about one in {}", share.askers);
  }
  if (known == 0) return "discovers its endpoints";
  const auto all = fmt::format("{} endpoint{}", known, known == 1 ? "" : "s");
  return ours == known ? all : fmt::format("{} of {}", ours, all);
}

}  // namespace

std::string forecast(const config::Account& account, const Provider& provider,
                     std::uint32_t sharers, const Share& share) {
  const auto collector = provider.make(account);
  const auto tempo = tempo_of(account, provider, sharers);
  const auto known = collector->configured();
  const auto ours = assign(known, share);
  std::string text = fmt::format("account {} ({}): {}\n", account.name, provider.name,
                                 subject(known.size(), ours.size(), share));
  if (!share.any) return text;
  const auto lines = lines_of(collector->targets(ours), tempo);
  for (const auto& [operation, line] : lines) text += text_of(operation, line, sharers, "");
  if (!known.empty()) return text;
  // What one endpoint more means is what its targets are beyond those without any.
  const std::vector one{EndpointInfo{.id = "1"}};
  for (const auto& [operation, line] : lines_of(collector->targets(one), tempo)) {
    if (lines.contains(operation)) continue;
    const auto targets = collector->targets(one);
    const bool shared =
        std::any_of(targets.begin(), targets.end(), [&, &name = operation](const Target& target) {
          return target.operation == name && target.endpoint_id.empty();
        });
    text += text_of(operation, line, sharers, shared ? "" : ", for each endpoint");
  }
  return text;
}

}  // namespace serverless::daemon
