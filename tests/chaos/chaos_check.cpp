// Reads a recording and says whether every page in it was right. It knows the documents and what
// the providers held, and no code of the exporter.

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/history.hpp"
#include "tests/chaos/judge.hpp"
#include "tests/chaos/memory.hpp"
#include "tests/chaos/recording.hpp"
#include "tests/chaos/truth.hpp"
#include "tests/e2e/process_fixture.hpp"

namespace chaos {
namespace {

/// One rule at a simulator.
struct Rule {
  std::string kind{};
  std::int64_t hits = 0;
};

/// Everything but the pages.
struct Case {
  Cases accounts{};
  Stalls stalls{};
  std::vector<std::string> kinds{};
  std::map<std::string, Rule> rules{};  ///< By account, life and id.
  std::map<std::string, std::uint64_t> done{};
  std::uint64_t seed = 0;
  double seconds = 0;
  double begun = 0;
  double ended = 0;
  std::string exit{};
  Memory memory{};
};

std::string rule_key(const std::string& account, const std::string& life, std::int64_t id) {
  return fmt::format("{} {} {}", account, life, id);
}

class Reader {
 public:
  Reader(Case& found, Findings& findings) : case_(found), findings_(findings) {}

  void take(const Record& record) {
    auto& account = case_.accounts[record.name];
    auto& history = account.history;
    std::istringstream words(record.body);
    if (record.kind == "account") {
      history.name = record.name;
      std::int64_t born = 0;
      words >> history.provider >> account.api >> account.fleet.seed >> born >>
          account.fleet.endpoints >> history.workers;
      account.fleet.born = simulator::Time{std::chrono::seconds{born}};
      account.fleet.workers = history.workers;
      for (std::string id; words >> id;) history.endpoints.push_back(id);
      if (history.provider == "den") history.endpoints = {"den"};
    } else if (record.kind == "truth") {
      take_truth(record, account);
    } else if (record.kind == "requests") {
      requests_.push_back(record);
    } else if (record.kind == "down") {
      double killed = 0;
      words >> killed;
      history.down.push_back({record.begun, record.ended});
      history.unknown.push_back({record.begun, killed});
      ++case_.done["kills"];
    } else if (record.kind == "faults") {
      take_hits(record);
    } else if (record.kind == "fault") {
      std::string life;
      std::int64_t id = 0;
      words >> life >> id;
      words >> case_.rules[rule_key(record.name, life, id)].kind;
    } else if (record.kind == "key") {
      ++case_.done["keys " + record.body];
    } else if (record.kind == "skew") {
      ++case_.done["clocks skewed"];
    }
  }

  void take_common(const Record& record) {
    std::istringstream words(record.body);
    if (record.kind == "run") {
      words >> case_.seed >> case_.seconds;
    } else if (record.kind == "start") {
      case_.begun = record.begun;
    } else if (record.kind == "kind") {
      case_.kinds.push_back(record.name);
    } else if (record.kind == "stall") {
      double late = 0;
      words >> late;
      case_.stalls.add(record.begun, late);
    } else if (record.kind == "terms") {
      take_terms(record);
    } else if (record.kind == "reload") {
      take_reload(record);
    } else if (record.kind == "memory") {
      case_.memory.take(record);
    } else if (record.kind == "end") {
      case_.exit = record.body;
      case_.ended = record.begun;
    }
  }

  void settle() {
    for (const auto& record : requests_) {
      case_.accounts.at(record.name).history.take_requests(record.body);
    }
    for (auto& [name, account] : case_.accounts) {
      auto& history = account.history;
      for (std::size_t i = 0; i < history.terms.size(); ++i) {
        if (history.terms[i].present) continue;
        const bool last = i + 1 == history.terms.size();
        history.rearranged.push_back(
            {history.terms[i].since, last ? case_.ended : history.terms[i + 1].since});
      }
      history.settle(case_.begun, case_.ended, case_.stalls);
      for (const auto& endpoint : history.endpoints) {
        for (const std::string source : {"workers", "queue"}) {
          const auto* course = history.course({source, endpoint});
          if (course == nullptr) continue;
          for (const auto& late : course->late) {
            findings_.add("late", late.time,
                          fmt::format("{}/{}: {} was not asked for {:.3f} s", name, endpoint,
                                      source, late.allowed));
          }
        }
      }
    }
  }

 private:
  void take_truth(const Record& record, AccountCase& account) {
    const double time = account.truth.look(record.body, account.api);
    if (time < record.begun - 0.25 || time > record.ended + 0.25) {
      throw std::runtime_error("a simulator's time is not the wall clock's");
    }
  }

  void take_hits(const Record& record) {
    static simdjson::dom::parser parser;
    const auto line = record.body.find('\n');
    const auto life = record.body.substr(0, line);
    for (const auto rule : parser.parse(record.body.substr(line + 1))["faults"]) {
      auto& known = case_.rules[rule_key(record.name, life, rule["id"].get_int64().value())];
      known.hits = std::max(known.hits, rule["hits"].get_int64().value());
    }
  }

  void take_terms(const Record& record) {
    std::istringstream lines(record.body);
    Terms terms{.since = record.begun};
    std::string name;
    while (lines >> name >> terms.present >> terms.interval >> terms.timeout >> terms.max_age >>
           terms.discovery) {
      case_.accounts.at(name).history.terms.push_back(terms);
    }
  }

  void take_reload(const Record& record) {
    std::istringstream words(record.body);
    std::string by;
    std::string answer;
    words >> by >> answer;
    for (std::string name; words >> name;) {
      case_.accounts.at(name).history.rearranged.push_back({record.begun, record.ended});
    }
    ++case_.done[fmt::format("reloads of a {} file", record.name)];
    if (answer != (record.name == "good" ? "200" : "500")) {
      findings_.add("reload", record.begun,
                    fmt::format("of a {} file by {}: {}", record.name, by, answer));
    }
  }

  Case& case_;
  Findings& findings_;
  std::vector<Record> requests_{};
};

Case read_case(const std::string& path, Findings& findings) {
  Case found;
  Reader reader(found, findings);
  Player player(path);
  while (const auto record = player.next()) {
    if (record->kind == "page") continue;
    if (record->name == "-" || record->kind == "kind" || record->kind == "reload") {
      reader.take_common(*record);
    } else {
      reader.take(*record);
    }
  }
  if (found.exit.empty()) throw std::runtime_error("the recording has no end");
  reader.settle();
  return found;
}

std::map<std::string, std::int64_t> hits_of(const Case& found) {
  std::map<std::string, std::int64_t> hits;
  for (const auto& kind : found.kinds) hits[kind] = 0;
  for (const auto& [key, rule] : found.rules) {
    if (!rule.kind.empty()) hits[rule.kind] += rule.hits;
  }
  return hits;
}

// A run that met too little proves too little.
void hold_to_floors(const Case& found, const Judge::Counts& counts, Findings& findings) {
  const auto at_least = [&](const std::string& what, std::uint64_t count, std::uint64_t floor) {
    if (count >= floor) return;
    findings.add("floor", found.ended, fmt::format("{}: {}, at least {}", what, count, floor));
  };
  for (const auto& [kind, hits] : hits_of(found)) {
    at_least("hits of " + kind, static_cast<std::uint64_t>(hits), 1);
  }
  const auto done = [&](const std::string& what) {
    const auto at = found.done.find(what);
    return at == found.done.end() ? 0 : at->second;
  };
  for (const auto* what : {"kills", "reloads of a good file", "reloads of a bad file",
                           "keys offered", "keys handed", "keys refused", "clocks skewed"}) {
    at_least(what, done(what), 1);
  }
  std::uint64_t vanished = 0;
  for (const auto& [name, account] : found.accounts) vanished += account.truth.vanished();
  at_least("workers that vanished", vanished, 20);
  at_least("scrapes", counts.pages, static_cast<std::uint64_t>(found.seconds * 0.5));
  at_least("endpoints on pages without a fault, of a hundred",
           100 * counts.clean / std::max<std::uint64_t>(1, counts.clean + counts.faulty), 25);
  at_least("endpoints on pages whose workers were withdrawn", counts.expired, 30);
}

void print(const Case& found, const Judge::Counts& counts) {
  std::uint64_t looks = 0;
  std::uint64_t requests = 0;
  std::uint64_t vanished = 0;
  for (const auto& [name, account] : found.accounts) {
    looks += account.truth.looks();
    requests += account.history.requests();
    vanished += account.truth.vanished();
  }
  fmt::print("seed {}: {:.0f} s, {} scrapes checked, {} samples\n", found.seed, found.seconds,
             counts.pages, counts.samples);
  fmt::print("  {} values held to {} looks at what the providers had; {} workers vanished\n",
             counts.values, looks, vanished);
  fmt::print("  {} counters held to the page before; {} requests of the exporter\n",
             counts.counters, requests);
  fmt::print("  endpoints on pages: {} without a fault, {} with one, {} of these withdrawn\n",
             counts.clean, counts.faulty, counts.expired);
  fmt::print("  the machine stalled for {:.1f} s in all, {:.2f} s at most\n", found.stalls.total(),
             found.stalls.longest());
  for (const auto& [what, count] : found.done) fmt::print("  {}: {}\n", what, count);
  std::int64_t sum = 0;
  std::string line = "  faults hit:";
  for (const auto& [kind, hits] : hits_of(found)) {
    sum += hits;
    const auto next = fmt::format(" {} {},", kind, hits);
    if (line.size() + next.size() > 100) {
      fmt::print("{}\n", line);
      line = "   ";
    }
    line += next;
  }
  fmt::print("{} {} in all\n", line, sum);
}

int check(const std::string& recording, const std::string& document, bool soak) {
  Findings findings;
  Case found = read_case(recording, findings);
  Judge judge(found.accounts, found.stalls, read_sources(e2e::read_file(document)), findings);
  Player player(recording);
  while (const auto record = player.next()) {
    if (record->kind == "page") judge.judge(*record);
  }
  if (found.exit != "0") findings.add("exit", found.ended, "the exporter ended with " + found.exit);
  hold_to_floors(found, judge.counts(), findings);
  if (soak) {
    for (const auto& growth : found.memory.growth()) findings.add("memory", found.ended, growth);
  }
  print(found, judge.counts());
  if (soak) fmt::print("{}", found.memory.text());
  fmt::print("{}violations: {}\n", findings.text(found.begun), findings.total());
  return findings.total() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace chaos

int main(int argc, char** argv) {
  const bool soak = argc == 3 && std::string_view(argv[1]) == "--soak";
  if (argc != (soak ? 3 : 2)) {
    fmt::print(stderr, "chaos_check [--soak] RECORDING\n");
    return 64;
  }
  try {
    return chaos::check(argv[argc - 1], SOURCE_DIR "/docs/metrics.md", soak);
  } catch (const std::exception& error) {
    fmt::print(stderr, "chaos_check: {}\n", error.what());
    return 2;
  }
}
