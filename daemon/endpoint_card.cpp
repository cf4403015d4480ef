#include "daemon/endpoint_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/advice.hpp"
#include "daemon/derived.hpp"
#include "daemon/html.hpp"
#include "daemon/wording.hpp"
#include "daemon/worker_table.hpp"

namespace serverless::daemon {
namespace {

constexpr std::string_view class_of(Mark mark) {
  if (mark == Mark::well) return "well";
  return mark == Mark::blind || mark == Mark::unhealthy ? "bad" : "warn";
}

double seconds_between(Mono from, Mono to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string polls_url(const EndpointView& view) {
  return with_argument(with_argument("/debug/polls", "account", view.account->state.name),
                       "endpoint", view.state->info.id);
}

// A number of seconds that goes on while the page is looked at.
std::string age_text(const SourceState& source, Mono now) {
  if (!source.good) return "no answer yet";
  const double age = std::max(0.0, seconds_between(source.good->mono, now));
  return fmt::format(R"(<span data-age="{:.1f}" data-max="{:.0f}">{}</span> old)", age,
                     std::chrono::duration<double>(source.max_age).count(), span_text(age));
}

std::string next_text(const AccountView& account, const EndpointView& view, Mono now) {
  const auto& next = account.next_by_endpoint;
  auto found = next.find(view.state->info.id);
  if (found == next.end()) found = next.find("");
  if (found == next.end()) return "not planned";
  if (found->second.in_flight) return "under way";
  const double wait = std::max(0.0, seconds_between(now, found->second.at));
  return fmt::format(R"(in <span data-in="{:.1f}">{}</span>)", wait, span_text(wait));
}

std::string bar(const EndpointView& view) {
  const auto total = static_cast<double>(view.workers());
  if (total == 0) return "";
  std::string rects;
  double at = 0;
  for (const Status status : view.account->state.provider->statuses) {
    const auto width = 100 * static_cast<double>(view.count(status)) / total;
    if (width == 0) continue;
    rects += fmt::format(R"(<rect class="{}" x="{:.3f}" width="{:.3f}" height="1"/>)", name(status),
                         at, width);
    at += width;
  }
  return fmt::format(R"(<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" )"
                     R"(aria-hidden="true">{}</svg>)",
                     rects);
}

std::string counts_text(const EndpointView& view) {
  if (!view.status_known) return view.listed ? "statuses not known" : "workers not known";
  std::string out;
  for (const Status status : view.account->state.provider->statuses) {
    const auto count = view.count(status);
    if (count == 0) continue;
    out += fmt::format("<span class=\"count\">{}{} {}</span> ", swatch(name(status)), count,
                       name(status));
  }
  return out.empty() ? "no workers" : out;
}

std::string fact(std::string_view name, const std::string& value) {
  return value.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, value);
}

std::string load_text(const EndpointView& view) {
  if (!view.listed) return "";
  const auto load = load_of(*view.state);
  if (!load) return "";
  const auto capacity = capacity_of(*view.state).value_or(0);
  if (!view.status_known || capacity <= 0) return number_text(*load) + ", capacity not known";
  return fmt::format("{} of {} ({:.0f}\u00a0%)", number_text(*load), number_text(capacity),
                     100 * *load / capacity);
}

std::string queue_text(const EndpointView& view) {
  if (view.state->source(Source::queue) == nullptr) return "";
  if (!view.queue_known || !view.state->queue) return "not known";
  const auto told = [](const std::optional<std::int64_t>& count, std::string_view what) {
    return count ? fmt::format("{} {}", *count, what) : std::string();
  };
  const auto waiting = told(view.state->queue->jobs_in_queue, "waiting");
  const auto running = told(view.state->queue->jobs_in_progress, "in progress");
  return waiting + (waiting.empty() || running.empty() ? "" : ", ") + running;
}

// "Missing: queue; too old: workers and catalog".
std::string standings_text(const EndpointView& view,
                           std::initializer_list<std::pair<Standing, std::string_view>> told) {
  std::string out;
  for (const auto& [standing, words] : told) {
    std::vector<std::string_view> sources;
    for (std::size_t i = 0; i < kSourceCount; ++i) {
      if (view.standings[i] == standing) sources.push_back(kSourceNames[i]);
    }
    if (sources.empty()) continue;
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", words, enumerate(sources));
  }
  out[0] = static_cast<char>(std::toupper(out[0]));
  return out;
}

std::string mark_text(const EndpointView& view) {
  constexpr std::string_view kBad = "\u2717";
  const auto lost = [&] {
    return standings_text(view, {{Standing::missing, "missing"}, {Standing::too_old, "too old"}});
  };
  switch (view.mark) {
    case Mark::blind:
      return fmt::format("{} {}", kBad, lost());
    case Mark::unhealthy:
      return fmt::format(
          "{} Unhealthy: {}", kBad,
          plural(static_cast<std::size_t>(view.count(Status::unhealthy)), "worker", "workers"));
    case Mark::lacking:
      return "! " + lost();
    case Mark::failing:
      return "! " + standings_text(view, {{Standing::failing, "failing, data still good"}});
    case Mark::suspect:
      return fmt::format("! To look at: {}", fmt::join(suspicions_of(view), ", "));
    case Mark::waiting:
      return "\u2026 " + standings_text(view, {{Standing::waiting, "waiting for"}});
    case Mark::well:
      break;
  }
  return "\u2713 Well";
}

std::string data_text(const EndpointState& state, Mono now) {
  std::string out;
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    const auto& source = state.sources[i];
    if (!source) continue;
    const bool fresh = is_fresh(*source, now);
    out += fmt::format(R"(<span class="{}">{} {}{}</span> )", fresh ? "source" : "source old",
                       kSourceNames[i], age_text(*source, now),
                       fresh || !source->good ? "" : ": too old");
  }
  return out;
}

// An error of one or several sources, told once.
struct Told {
  const Error* error = nullptr;
  std::vector<std::string_view> sources{};
  std::optional<Mono> since{};  // The earliest.
};

std::vector<Told> errors_of(const EndpointState& state) {
  std::vector<Told> all;
  for (std::size_t i = 0; i < kSourceCount; ++i) {
    const auto& source = state.sources[i];
    if (!source || !source->error) continue;
    auto told = std::find_if(all.begin(), all.end(), [&](const Told& other) {
      return other.error->reason == source->error->reason &&
             other.error->detail == source->error->detail;
    });
    if (told == all.end()) told = all.insert(all.end(), {.error = &*source->error});
    told->sources.push_back(kSourceNames[i]);
    if (!told->since || source->failing_since < told->since) told->since = source->failing_since;
  }
  return all;
}

std::string error_text(const EndpointState& state, Mono now) {
  std::string out;
  for (const auto& told : errors_of(state)) {
    const auto tip = advice(told.error->reason);
    out += fmt::format(
        "<div class=\"error\"><p><strong>{}</strong> ({}{}): {} <em>{}</em></p><p><code>{}</code>"
        "</p></div>\n",
        name(told.error->reason), enumerate(told.sources),
        told.since ? ", for " + span_text(seconds_between(*told.since, now)) : "", tip.what,
        tip.to_do, isolate(told.error->detail));
  }
  return out;
}

std::string notes_text(const EndpointView& view) {
  const auto& state = *view.state;
  std::string out;
  if (!view.listed) return out;
  const auto skipped = skipped_of(state);
  if (skipped > 0) {
    out += fmt::format("<p class=\"note\">{} in the list could not be read and {} left out.</p>\n",
                       plural(skipped, "record", "records"), skipped == 1 ? "is" : "are");
  }
  if (state.degraded && state.source(Source::queue) != nullptr) {
    out +=
        "<p class=\"note\">Statuses rest on the workers' lifecycle alone: the queue does not tell "
        "which of them work.</p>\n";
  }
  if (state.workers_report.truncated == true) {
    out += "<p class=\"note\">The provider shows only a part of the workers.</p>\n";
  }
  if (state.disagreement.polls >= kBelievedAfterPolls) {
    out += "<p class=\"note\">The provider's two views of the workers disagree.</p>\n";
  }
  return out;
}

}  // namespace

std::string title_of(const EndpointState& state) {
  const auto& [id, name] = std::tie(state.info.id, state.info.name);
  if (name.empty() || name == id) return isolate(id);
  return fmt::format("{} <small>{}</small>", isolate(name), isolate(id));
}

std::string endpoint_card(const AccountView& account, const EndpointView& view, Now now) {
  const auto& state = *view.state;
  const auto& name = account.page->state.name;
  const WorkerQuery own{.account = name, .endpoint = state.info.id};
  const auto stale = view.listed ? stale_of(state) : 0;
  return fmt::format(
      "<li class=\"endpoint {}\">\n<h3>{}</h3>\n<p class=\"mark\">{}</p>\n{}<p>{}</p>\n{}{}"
      "<details data-key=\"{}\"{}><summary>Figures</summary>\n<dl>{}{}{}{}{}</dl>\n"
      "<p class=\"more\">{} {}</p>\n</details>\n</li>\n",
      class_of(view.mark), title_of(state), mark_text(view), bar(view), counts_text(view),
      error_text(state, now.mono), notes_text(view), escape_html(name + "/" + state.info.id),
      class_of(view.mark) == "bad" ? " open" : "",
      fact("Stale", stale > 0 ? plural(static_cast<std::size_t>(stale), "worker", "workers") : ""),
      fact("Load", load_text(view)), fact("Jobs", queue_text(view)),
      fact("Data", data_text(state, now.mono)),
      fact("Next poll", next_text(account, view, now.mono)), link(url_of(own), "its workers"),
      link(polls_url(view), "its polls"));
}

}  // namespace serverless::daemon
