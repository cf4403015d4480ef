#include "tests/chaos/history.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <limits>

namespace chaos {
namespace {

using simdjson::dom::element;

constexpr double kNever = std::numeric_limits<double>::infinity();
// The log has milliseconds, and is written a moment after the request came.
constexpr double kLogTolerance = 0.05;
// What a 429 or 503 of this program's faults asks for.
constexpr double kRetryAfter = 2;
// simulator/runpod.cpp: what its refusal tells, 180 a minute, of which a fifth is left to others.
constexpr double kSmallQuota = 0.8 * 180 / 60;
// quota.cpp: what was drawn and answered to nobody looks as if others drew it, too. Half of all
// would have to get lost for less than this share.
constexpr double kLeastShare = 0.5;
// docs/providers.md: distances between two requests of one operation, seconds.
constexpr double kVastSpacing = 1.1;
constexpr double kVastListSpacing = 3.1;
constexpr double kVastPage = 25;
// plan.cpp: an interval is longer than those distances need by a twentieth.
constexpr double kSlack = 1.05;
constexpr double kDenInterval = 65;
constexpr double kBillingSpacing = 300;
// plan.hpp: from the second failure in a row on, up to 2, 4, 8 intervals more.
constexpr int kMostDoublings = 3;
// pace.hpp: after a 429 without advice an interval, two, four..., up to sixteen.
constexpr int kMostRefusals = 4;

// The right answer, or one that a client may well take for it.
constexpr std::array<std::string_view, 9> kUnusual{
    "wrong_content_type", "views_disagree",  "malformed_worker",
    "duplicate_keys",     "wrapped",         "lagging",
    "empty_list",         "slow_first_byte", "invalid_utf8"};

Outcome outcome_of(std::string_view fault, long code, bool authorized) {
  if (fault.empty()) return code == 200 && authorized ? Outcome::good : Outcome::bad;
  const bool unusual = std::find(kUnusual.begin(), kUnusual.end(), fault) != kUnusual.end();
  return unusual && authorized && code == 200 ? Outcome::maybe : Outcome::bad;
}

std::string source_of(std::string_view host, std::string_view path) {
  const auto has = [&](std::string_view part) { return path.find(part) != path.npos; };
  if (host == "runpod-queue") return "queue";
  if (host == "runpod-rest" || host == "den") return "workers";
  if (host == "runpod-api") {
    return has("/workers") ? "workers" : has("/billing/") ? "billing" : "catalog";
  }
  if (host == "vast-run") return has("get_endpoint_workers") ? "workers" : "groups";
  if (has("/instances/")) return "instances";
  return has("/endptjobs/") ? "catalog" : "groups";
}

bool overlaps(const Gap& gap, double from, double to) { return gap.from < to && gap.to > from; }

bool any_overlaps(const std::vector<Gap>& gaps, double from, double to) {
  return std::any_of(gaps.begin(), gaps.end(),
                     [&](const Gap& gap) { return overlaps(gap, from, to); });
}

}  // namespace

bool Course::is_clean(double from, double to) const {
  return std::any_of(clean.begin(), clean.end(),
                     [&](const Gap& gap) { return gap.from <= from && gap.to >= to; });
}

void Stalls::add(double from, double late) {
  stalls_.push_back({{from, from + late}, late});
  total_ += late;
  longest_ = std::max(longest_, late);
}

double Stalls::within(double from, double to) const {
  double sum = 0;
  for (const auto& [gap, late] : stalls_) {
    if (overlaps(gap, from, to)) sum += late;
  }
  return sum;
}

void History::take_requests(const std::string& json) {
  thread_local simdjson::dom::parser parser;
  const element log = parser.parse(json);
  for (const element entry : log["requests"]) {
    const auto text = [&](std::string_view key) {
      const element value = entry[key];
      return value.is_null() ? std::string{} : std::string(value.get_string().value());
    };
    ++requests_;
    const std::string from = text("api");
    const auto source = source_of(from, text("path"));
    std::string endpoint = provider == "den" ? "den" : text("endpoint");
    if (source == "groups") endpoint.clear();
    const double time = entry["time"].get_double().value();
    const long code = static_cast<long>(entry["code"].get_int64().value());
    const Asked asked{
        .time = time,
        .outcome = outcome_of(text("fault"), code, entry["authorized"].get_bool().value()),
        .fault = text("fault")};
    note_pause(from, code, time);
    const bool refused = asked.fault == "rate_limited";
    if (from == "runpod-api" && (refused || asked.outcome == Outcome::good)) {
      auto& is_small = told_[time];
      is_small = is_small || refused;
    }
    if (source == "catalog" && asked.fault == "empty_list") emptied_.push_back(time);
    asked_[{source, endpoint}].push_back(asked);
    if (from == "runpod-rest") asked_[{"catalog", endpoint}].push_back(asked);
  }
}

// After a refusal the exporter leaves that API alone, and no other.
void History::note_pause(const std::string& from, long code, double time) {
  // Den says 401 to who asks too often.
  const bool refuses = code == 429 || (code == 401 && provider == "den");
  auto& row = refusals_[from];
  row = refuses ? row + 1 : 0;
  if (!refuses && code != 503) return;
  const double unadvised =
      interval(from == "vast-run" || from == "vast-console" ? "workers" : "queue", time, time) *
      static_cast<double>(1 << std::min(std::max(row - 1, 0), kMostRefusals));
  pauses_[from].push_back({time, time + std::max(kRetryAfter, refuses ? unadvised : 0)});
}

std::string History::host(const std::string& source) const {
  if (provider == "den") return "den";
  if (source == "queue") return "runpod-queue";
  if (provider == "runpod") return "runpod-api";
  if (provider == "runpod-v1") return "runpod-rest";
  return source == "workers" || source == "groups" ? "vast-run" : "vast-console";
}

const Terms& History::terms_at(double time) const {
  auto at = std::upper_bound(terms.begin(), terms.end(), time,
                             [](double moment, const Terms& each) { return moment < each.since; });
  return at == terms.begin() ? terms.front() : *std::prev(at);
}

double History::interval(const std::string& source, double from, double to) const {
  double longest = 0;
  const bool slow = source == "billing" || (source == "catalog" && provider != "runpod-v1");
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const bool over = i + 1 < terms.size() && terms[i + 1].since < from;
    if (over || (terms[i].since > to && i > 0)) continue;
    longest = std::max(longest, slow ? terms[i].discovery : terms[i].interval);
  }
  const auto count = static_cast<double>(endpoints.size());
  if (source == "billing") return std::max(longest, kBillingSpacing);
  if (provider == "den") return std::max(longest, kDenInterval);
  if (provider != "vast") return longest;
  if (source == "catalog") return std::max(longest, kSlack * kVastListSpacing);
  const double requests = source == "workers" ? count
                          : source == "groups"
                              ? 2 * count
                              : count * static_cast<double>(workers) / kVastPage + 1;
  return std::max(longest, kSlack * kVastSpacing * requests);
}

double History::max_age(const std::string& source, double from, double to) const {
  double longest = 0;
  for (const auto& each : terms) longest = std::max(longest, each.max_age);
  return std::max(longest, 2 * interval(source, from, to) * stretch(host(source), from, to));
}

double History::stretch(const std::string& from_host, double from, double to) const {
  constexpr double kRounding = 1.02;
  if (from_host != "runpod-api" || !any_overlaps(narrow_, from, to)) return 1;
  double most = 1;
  for (const auto& each : terms) {
    const double wanted = static_cast<double>(endpoints.size()) / each.interval +
                          1 / each.discovery + 1 / kBillingSpacing;
    most = std::max(most, kRounding * wanted / (kLeastShare * kSmallQuota));
  }
  return most;
}

// From a refusal until a second answer after it has come: one may have got lost. What is in a log
// that was lost may have been a refusal, too.
void History::settle_quota(const Stalls& stalls) {
  for (const auto& gap : unknown) told_[gap.from] = true;
  int answers = 0;
  for (const auto& [time, is_small] : told_) {
    if (is_small) {
      if (narrow_.empty() || narrow_.back().to < kNever) narrow_.push_back({time, kNever});
      answers = 0;
    } else if (!narrow_.empty() && narrow_.back().to == kNever && ++answers == 2) {
      const double lands = time + terms_at(time).timeout;
      narrow_.back().to = lands + stalls.within(time, lands);
    }
  }
}

double History::patience(const std::string& source, double from, double to) const {
  const double usual = interval(source, from, to);
  // A twentieth of the interval sooner or later; where distances are kept, the wait for a turn.
  const double jitter = provider == "vast" ? kVastSpacing : 0.1 * usual;
  return usual + jitter + terms_at(to).timeout;
}

bool History::may_have_told(const Subject& subject, double from, double to) const {
  if (is_unknown(from, to)) return true;
  for (const Subject& each : {subject, Subject{subject.first, ""}}) {
    const auto found = asked_.find(each);
    if (found == asked_.end()) continue;
    const auto& all = found->second;
    auto at = std::lower_bound(all.begin(), all.end(), from - kLogTolerance,
                               [](const Asked& one, double moment) { return one.time < moment; });
    for (; at != all.end() && at->time <= to + kLogTolerance; ++at) {
      if (at->outcome != Outcome::bad) return true;
    }
  }
  return false;
}

bool History::was_hit(const Subject& subject, std::string_view fault, double from,
                      double to) const {
  if (is_unknown(from, to)) return true;
  const auto found = asked_.find(subject);
  if (found == asked_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Asked& asked) {
    return asked.fault == fault && asked.time > from && asked.time < to;
  });
}

bool History::was_hit_twice(const Subject& subject, std::string_view fault, double from,
                            double to) const {
  if (is_unknown(from, to)) return true;
  const auto found = asked_.find(subject);
  if (found == asked_.end()) return false;
  bool before = false;
  for (const auto& asked : found->second) {
    if (asked.time < from || asked.time > to || asked.outcome == Outcome::bad) continue;
    if (before && asked.fault == fault) return true;
    before = asked.fault == fault;
  }
  return false;
}

bool History::is_unknown(double from, double to) const { return any_overlaps(unknown, from, to); }

const Course* History::course(const Subject& subject) const {
  const auto found = courses_.find(subject);
  return found == courses_.end() ? nullptr : &found->second;
}

// ---- courses

// What may keep a source from being asked although nothing is wrong with its own requests.
std::vector<Gap> History::disturbances(const std::string& source) const {
  std::vector<Gap> gaps = down;
  gaps.insert(gaps.end(), rearranged.begin(), rearranged.end());
  if (const auto found = pauses_.find(host(source)); found != pauses_.end()) {
    gaps.insert(gaps.end(), found->second.begin(), found->second.end());
  }
  // After two empty lists in a row, and for an account that is put back, there are no endpoints
  // until a list shows them.
  if (const auto lists = asked_.find({"catalog", ""}); lists != asked_.end()) {
    auto unlisted = emptied_;
    for (std::size_t i = 1; i < terms.size(); ++i) {
      if (terms[i].present && !terms[i - 1].present) unlisted.push_back(terms[i].since);
    }
    for (const double from : unlisted) {
      const auto shown =
          std::find_if(lists->second.begin(), lists->second.end(), [from](const Asked& asked) {
            return asked.time > from && asked.outcome == Outcome::good;
          });
      gaps.push_back({from, shown == lists->second.end() ? kNever : shown->time});
    }
  }
  std::sort(gaps.begin(), gaps.end(),
            [](const Gap& one, const Gap& other) { return one.from < other.from; });
  return gaps;
}

void History::settle(double begun, double ended, const Stalls& stalls) {
  for (auto& [subject, asked] : asked_) {
    std::stable_sort(asked.begin(), asked.end(),
                     [](const Asked& one, const Asked& other) { return one.time < other.time; });
  }
  settle_quota(stalls);
  for (const auto& endpoint : endpoints) {
    settle({"workers", endpoint}, begun, ended, stalls);
    if (provider.starts_with("runpod")) settle({"queue", endpoint}, begun, ended, stalls);
  }
}

// Goes through what happened in the order of time: in good order is a source from a good answer on,
// until something is in its way; and the next request may be waited for only so long.
void History::settle(const Subject& subject, double begun, double ended, const Stalls& stalls) {
  Course& course = courses_[subject];
  const auto& source = subject.first;
  const auto gaps = disturbances(source);
  const auto& all = asked_[subject];
  const auto backoff = [&](int failures, double at) {
    return failures < 2 ? 0
                        : interval(source, at, at) *
                              static_cast<double>(1 << std::min(failures - 1, kMostDoublings));
  };
  auto gap = gaps.begin();
  double clean_from = kNever;
  double since = begun;
  // The first polls come one after another.
  double due = begun + 2 * patience(source, begun, begun);
  double disturbed_until = 0;
  int failures = 0;
  const auto end_clean = [&](double at) {
    if (clean_from < at) course.clean.push_back({clean_from, at});
    clean_from = kNever;
  };
  const auto expect = [&](double at) {
    if (at > due + stalls.within(since, at) && terms_at(due).present) {
      course.late.push_back({.time = due, .since = since, .allowed = due - since});
      end_clean(due);
    }
  };
  const auto disturb = [&](const Gap& each) {
    expect(each.from);
    end_clean(each.from);
    failures = kMostDoublings + 1;
    disturbed_until = std::max(disturbed_until, each.to);
    // Whoever waits may be at its longest wait.
    due = std::max(due, each.to + patience(source, each.from, std::min(each.to, ended)) +
                            backoff(failures, each.from));
  };
  for (const auto& asked : all) {
    for (; gap != gaps.end() && gap->from <= asked.time; ++gap) disturb(*gap);
    expect(asked.time);
    const bool good = asked.outcome == Outcome::good;
    if (!good) end_clean(asked.time);
    const bool disturbed = disturbed_until > asked.time;
    // What was asked and failed after that, while nobody lived to log it, is known to nobody.
    failures = good && !disturbed ? 0 : failures + 1;
    if (good && !disturbed) clean_from = std::min(clean_from, asked.time);
    since = asked.time;
    const double next =
        asked.time + patience(source, asked.time, asked.time) + backoff(failures, asked.time);
    due = disturbed ? std::max(due, next) : next;
  }
  for (; gap != gaps.end(); ++gap) disturb(*gap);
  expect(ended);
  end_clean(ended);
}

}  // namespace chaos
