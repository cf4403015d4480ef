// Proves docs/fields.md: changing one field of a provider's answer changes just the metrics that
// the field's row names, and nothing where the row says "not published". One good poll, before and
// after; what memory makes of a change between two polls (transitions, since when) is not a
// field's.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/metrics.hpp"
#include "tests/repo/edit_fixture.hpp"
#include "tests/repo/exporter_fixture.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

using Found = std::vector<std::string>;
using Names = std::set<std::string>;
/// The bodies of all answers of a poll, by a name of this test.
using Bodies = std::map<std::string, std::string>;

constexpr config::Series kSeries{.image_label = true};

http::Response ok(std::string body) { return {.status = 200, .body = std::move(body)}; }

// ---- an account of each provider

struct Scenario {
  Bodies bodies{};
  std::string (*page)(const Bodies&) = nullptr;
};

std::string page_of(Exporter exporter, const Answers& answers, std::string_view when) {
  const Now now = now_at(when);
  exporter.leftovers = true;  // Who has another id may have fewer questions.
  exporter.poll_all(answers, now);
  return exporter.page(later(now, std::chrono::seconds{1}));
}

std::string runpod_page(const Bodies& bodies) {
  const std::string control = "GET https://api.runpod.io/v2/";
  return page_of(
      Exporter("runpod", "endpoints = [\"q7k2m9x4ab\"]", kSeries),
      {{control + "serverless", ok(bodies.at("endpoints"))},
       {control + "billing/serverless?bucketSize=hour&lastN=2", ok(bodies.at("billing"))},
       {control + "serverless/q7k2m9x4ab/workers", ok(bodies.at("workers"))},
       {"GET https://api.runpod.ai/v2/q7k2m9x4ab/health", ok(bodies.at("health"))}},
      "2026-11-22T03:10:00Z");
}

Scenario runpod() {
  return {{{"endpoints", fixture("runpod/endpoints.json")},
           {"billing", fixture("runpod/billing.json")},
           {"workers", fixture("runpod/workers_rollout.json")},
           {"health", fixture("runpod/health_full.json")}},
          runpod_page};
}

std::string runpod_v1_page(const Bodies& bodies) {
  auto endpoint = parse_json(bodies.at("endpoint"));
  const auto id = at(endpoint, "id")->text;
  return page_of(
      Exporter("runpod-v1", "", kSeries),
      {{"GET https://rest.runpod.io/v1/endpoints?includeWorkers=true&includeTemplate=true",
        ok("[" + bodies.at("endpoint") + "]")},
       {"GET https://api.runpod.ai/v2/" + id + "/health", ok(bodies.at("health"))}},
      "2026-11-22T03:10:00Z");
}

Scenario runpod_v1() {
  return {{{"endpoint", fixture("runpod_v1/endpoint.json")},
           {"health", with(fixture("runpod/health_idle.json"), "workers.idle", "1")}},
          runpod_v1_page};
}

std::string vast_page(const Bodies& bodies) {
  const std::string console = "GET https://console.vast.ai/api/";
  const std::string workers = "POST https://run.vast.ai/get_endpoint_workers/";
  return page_of(Exporter("vast", "", kSeries),
                 {{console + "v0/endptjobs/", ok(bodies.at("endptjobs"))},
                  {console + "v0/workergroups/", ok(bodies.at("workergroups"))},
                  {console + "v1/instances/?limit=25", ok(bodies.at("instances"))},
                  {workers, ok(bodies.at("workers"))},
                  {"POST https://run.vast.ai/get_autogroup_workers/", ok(bodies.at("group"))},
                  {workers, ok("[]")}},
                 "2024-08-21T21:40:00Z");
}

/// Both pages of instances in one.
std::string instances() {
  auto page = with(fixture("vast/instances_v1_page1.json"), "next_token", "null");
  auto more = parse_json(fixture("vast/instances_v1_page2.json"));
  for (std::size_t i = 0; i < 4; ++i) {
    page = with(page, fmt::format("instances.{}", i + 2),
                to_text(*at(more, fmt::format("instances.{}", i))));
  }
  return page;
}

Scenario vast() {
  // One worker's GPU is told by its instance only.
  const auto workers = without(fixture("vast/workers_ok.json"), "2.gpu_name");
  return {{{"endptjobs", fixture("vast/endptjobs_ok.json")},
           {"workergroups", fixture("vast/workergroups_ok.json")},
           {"instances", instances()},
           {"workers", workers},
           {"group", workers}},
          vast_page};
}

/// The same with the container that the API reference has.
Scenario vast_as_documented() {
  auto scenario = vast();
  auto& workers = scenario.bodies.at("workers");
  workers = with("{\"workers\":" + workers + "}", "workers.0.url", R"("http://192.0.2.1:8000")");
  workers = with(workers, "workers.0.created_at", R"("2024-08-01T12:00:00Z")");
  return scenario;
}

std::string den_page(const Bodies& bodies) {
  return page_of(
      Exporter("den", "local_workers = true\nname_label = true", kSeries),
      {{"GET https://api.openworklabs.com/v1/workers?limit=50", ok(bodies.at("workers"))}},
      "2026-08-12T15:58:00Z");
}

Scenario den() {
  return {{{"workers", with(fixture("den/workers_ok.json"), "workers.4",
                            R"({"id":"wrk_silent","destination":"cloud","status":"healthy",)"
                            R"("createdAt":"2026-08-01T00:00:00.000Z",)"
                            R"("lastHeartbeatAt":"2026-08-12T14:00:00.000Z"})")}},
          den_page};
}

// ---- changes

/// One edit of a body. No value: what is there is taken away.
struct Edit {
  std::string path{};
  std::string value{};
};

/// A change of the field that its row is about.
struct Change {
  std::vector<Edit> given{};  ///< Done before, to both.
  std::string path{};         ///< Of the record that is changed.
  std::string value{};
};

std::string edited(std::string body, const Edit& edit) {
  return edit.value.empty() ? without(body, edit.path) : with(body, edit.path, edit.value);
}

std::vector<Edit> fifty_workers() {
  std::vector<Edit> edits;
  for (int i = 5; i < 50; ++i) {
    edits.push_back({fmt::format("workers.{}", i), fmt::format(R"({{"id":"w{}"}})", i)});
  }
  return edits;
}

/// Where the plain change would be no legal one, would need other values around, or would show only
/// a part: a status, a ratio, a field that another one covers.
const std::map<std::string, std::vector<Change>>& special_changes() {
  static const std::map<std::string, std::vector<Change>> kChanges{
      {"RunPod v2: list workers endpointVersion",
       {{{}, "endpointVersion", "8"}, {{}, "endpointVersion", "6"}}},
      {"RunPod v2: list workers workers[].status",
       {{{}, "workers.0.status", R"("IDLE")"}, {{}, "workers.0.status", R"("EXITED")"}}},
      {"RunPod v2: list workers workers[].version", {{{}, "workers.1.version", "7"}}},

      {"RunPod v1: find an endpoint workers[].costPerHr",
       {{{{"workers.0.adjustedCostPerHr", ""}}, "workers.0.costPerHr", R"("0.9")"}}},
      {"RunPod v1: find an endpoint workers[].desiredStatus",
       {{{}, "workers.0.desiredStatus", R"("EXITED")"}}},
      {"RunPod v1: find an endpoint workers[].gpu.id",
       {{{{"workers.0.machine.gpuTypeId", ""}}, "workers.0.gpu.id", R"("NVIDIA L4")"}}},
      {"RunPod v1: find an endpoint workers[].machine.location",
       {{{{"workers.0.machine.dataCenterId", ""}}, "workers.0.machine.location", R"("SE")"}}},

      {"Vast.ai: get endpoint workers workers[].status",
       {{{}, "workers.0.status", R"("error")"},
        {{}, "workers.0.status", R"("stopped")"},
        {{}, "workers.0.status", R"("update_ready")"}}},
      {"Vast.ai: worker list [].status",
       {{{}, "0.status", R"("error")"},
        {{}, "0.status", R"("stopped")"},
        {{}, "0.status", R"("update_ready")"}}},
      {"Vast.ai: worker list [].dlperf", {{{}, "0.dlperf", "2791.25"}}},
      {"Vast.ai: worker list [].measured_perf", {{{}, "0.measured_perf", "105.87206734930771"}}},
      {"Vast.ai: worker list [].loaded_at",
       {{{{"0.started_at", ""}}, "0.loaded_at", "1724275000.5"},
        {{{"2.ready_ever", "false"}}, "2.loaded_at", "0.0"}}},
      {"Vast.ai: worker list [].reliability", {{{}, "0.reliability", "0.5"}}},
      {"Vast.ai: worker list [].reqs_working", {{{}, "0.reqs_working", "0"}}},

      {"Fields beyond the documents RunPod endpoints endpoints[].scaling.requestCount",
       {{{{"endpoints.0.scaling.queueDelay", ""}}, "endpoints.0.scaling.requestCount", "4"}}},
      {"Fields beyond the documents Vast.ai worker started_at",
       {{{}, "0.started_at", "1724270000.5"}}},
      {"Fields beyond the documents Vast.ai worker ready_ever",
       {{{{"1.measured_perf", "50"}}, "1.ready_ever", "true"}}},
      {"Fields beyond the documents Vast.ai worker deployment_version_id",
       {{{}, "0.deployment_version_id", "42"}}},
      {"Fields beyond the documents Vast.ai endptjobs results[].endpoint_state",
       {{{}, "results.0.endpoint_state", R"("stopped")"},
        {{}, "results.0.endpoint_state", R"("frozen")"}}},
      {"Fields beyond the documents Vast.ai endptjobs results[].target_util",
       {{{}, "results.0.target_util", "0.5"}}},
      {"Fields beyond the documents Vast.ai workergroups results[].endpoint_id",
       {{{}, "results.0.endpoint_id", "124"}}},
      {"Fields beyond the documents Vast.ai instances instances[].dph_total",
       {{{}, "instances.0.dph_total", "0.9"}, {{}, "instances.4.dph_total", "0.5"}}},
      {"Fields beyond the documents Vast.ai instances instances[].gpu_util",
       {{{}, "instances.0.gpu_util", "12.5"}}},
      {"Fields beyond the documents Vast.ai instances instances[].gpu_name",
       {{{}, "instances.2.gpu_name", R"("RTX 5090")"}}},
      {"Fields beyond the documents Vast.ai instances instances[].actual_status",
       {{{}, "instances.5.actual_status", R"("destroyed")"}}},
      {"Fields beyond the documents Vast.ai instances instances[].cur_state",
       {{{}, "instances.3.cur_state", R"("running")"}}},
      {"Fields beyond the documents Den nextCursor", {{fifty_workers(), "nextCursor", "null"}}},

      {"Den: list workers workers[].destination", {{{}, "workers.4.destination", R"("local")"}}},
      {"Den: list workers workers[].status",
       {{{}, "workers.0.status", R"("failed")"}, {{}, "workers.4.status", R"("stopped")"}}},
      {"Den: list workers workers[].lastHeartbeatAt",
       {{{}, "workers.0.lastHeartbeatAt", R"("2026-08-12T13:00:00.000Z")"}}},
      {"Den: list workers workers[].lastActiveAt",
       {{{}, "workers.0.lastActiveAt", R"("2026-08-12T13:00:00.000Z")"}}},
  };
  return kChanges;
}

std::string plus_one(const std::string& number) {
  double value = 0;
  const auto end = number.data() + number.size();
  if (number.empty() || std::from_chars(number.data(), end, value).ptr != end) return {};
  return fmt::format("{}", value + 1);
}

/// Another legal value of the same kind, as JSON.
std::string other_value(const Value* value) {
  if (value == nullptr) return "\"planted\"";
  switch (value->kind) {
    case Value::Kind::null:
      return "\"planted\"";
    case Value::Kind::boolean:
      return value->boolean ? "false" : "true";
    case Value::Kind::number:
      return plus_one(value->text);
    case Value::Kind::array:
      return "[\"planted\"]";
    case Value::Kind::object:
      return "{\"planted\":\"planted\"}";
    case Value::Kind::string:
      break;
  }
  if (const auto number = plus_one(value->text); !number.empty()) return "\"" + number + "\"";
  if (parse_time(value->text)) return "\"2024-02-03T04:05:06Z\"";
  auto longer = *value;
  longer.text += "x";
  return to_text(longer);
}

/// "workers[].machine.id" -> "workers.0.machine.id".
std::string of_first_record(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path.substr(i, 2) != "[]") {
      out += path[i];
      continue;
    }
    out += out.empty() ? "0" : ".0";
    ++i;
  }
  return out;
}

// ---- rows of docs/fields.md

struct Field {
  std::string section{};
  std::string path{};    ///< In its body.
  std::string prefix{};  ///< Beyond the documents: "Vast.ai worker".
  std::string published{};
  std::string note{};

  [[nodiscard]] std::string name() const {
    return fmt::format("{} {}{}{}", section, prefix, prefix.empty() ? "" : " ", path);
  }
};

std::vector<Field> fields_of(std::string_view markdown) {
  std::vector<Field> fields;
  for (const auto& row : table_rows(markdown)) {
    const auto& cell = row.cells.at(0);
    fields.push_back({.section = row.heading,
                      .path = in_backticks(cell).at(0),
                      .prefix = trim(cell.substr(0, cell.find('`'))),
                      .published = row.cells.at(1),
                      .note = row.cells.at(2)});
  }
  return fields;
}

struct Place {
  Scenario scenario{};
  std::string body{};
};

/// In which answer of which account the fields of a section stand, or those beyond the documents
/// whose paths have that prefix.
struct Stands {
  std::string_view about{};
  Scenario (*scenario)() = nullptr;
  std::string_view body{};
};

constexpr std::array kStands{
    Stands{"RunPod v2: list workers", runpod, "workers"},
    Stands{"RunPod v1: find an endpoint", runpod_v1, "endpoint"},
    Stands{"Vast.ai: get endpoint workers", vast_as_documented, "workers"},
    Stands{"Vast.ai: worker list", vast, "workers"},
    Stands{"Den: list workers", den, "workers"},
    Stands{"RunPod endpoints", runpod, "endpoints"},
    Stands{"RunPod health", runpod, "health"},
    Stands{"RunPod billing", runpod, "billing"},
    Stands{"Vast.ai worker", vast, "workers"},
    Stands{"Vast.ai endptjobs", vast, "endptjobs"},
    Stands{"Vast.ai workergroups", vast, "workergroups"},
    Stands{"Vast.ai instances", vast, "instances"},
    Stands{"Den", den, "workers"},
};

std::optional<Place> place_of(const Field& field) {
  const auto& about = field.prefix.empty() ? field.section : field.prefix;
  for (const auto& row : kStands) {
    if (row.about == about) return Place{row.scenario(), std::string{row.body}};
  }
  return std::nullopt;
}

std::vector<Change> changes_of(const Field& field, const Place& place) {
  const auto special = special_changes().find(field.name());
  if (special != special_changes().end()) return special->second;
  auto path = of_first_record(field.path);
  if (field.prefix == "Vast.ai worker") path.insert(0, "0.");
  auto body = parse_json(place.scenario.bodies.at(place.body));
  return {{{}, path, other_value(at(body, path))}};
}

// ---- what a change touches

std::string family_of(std::string_view line) {
  return std::string{line.substr(1, line.find_first_of("{ ") - 1)};
}

/// The lines that a change removes and adds.
Found touched_by(const Change& change, const Place& place) {
  auto bodies = place.scenario.bodies;
  auto& body = bodies.at(place.body);
  for (const auto& edit : change.given) body = edited(body, edit);
  const auto before = place.scenario.page(bodies);
  body = with(body, change.path, change.value);
  auto lines = difference(before, place.scenario.page(bodies));
  std::erase_if(lines, [](const std::string& line) { return line.substr(1).starts_with('#'); });
  return lines;
}

/// What a row says that it is published as: families, and the labels that it names of them.
std::map<std::string, Names> named_in(const Field& field) {
  std::map<std::string, Names> named;
  for (const auto& metric : in_backticks(field.published)) {
    const auto brace = metric.find('{');
    auto& labels = named[metric.substr(0, brace)];
    if (brace == std::string::npos) continue;
    labels.insert(metric.substr(brace + 1, metric.size() - brace - 2));
  }
  return named;
}

bool is_about_workers(const std::string& family) {
  const auto* row = daemon::find_row(family);
  return row != nullptr && std::holds_alternative<daemon::WorkerRead>(row->read);
}

bool is_about_polls(const std::string& family) {
  const auto* row = daemon::find_row(family);
  return row != nullptr && (std::holds_alternative<daemon::SourceRead>(row->read) ||
                            std::holds_alternative<daemon::AccountRead>(row->read) ||
                            family == "serverless_endpoint_fresh");
}

/// Ids are labels of more than a row can name.
bool is_covered(const Field& field, const std::string& family) {
  if (field.note.find("the label of every endpoint series") != std::string::npos) return true;
  if (field.note.find("the label of every worker series") != std::string::npos) {
    return is_about_workers(family);
  }
  // Whether an endpoint has groups decides whether it has that source.
  return field.note == "whose group it is" && is_about_polls(family);
}

/// The labels that differ where one line of an info took the place of another.
Names changed_labels(const Found& lines, const std::string& family) {
  Found of_family;
  for (const auto& line : lines) {
    if (family_of(line) == family) of_family.push_back(line.substr(1));
  }
  Names changed;
  if (of_family.size() != 2) return changed;
  const auto one = samples_of(of_family[0]).at(0).labels;
  const auto other = samples_of(of_family[1]).at(0).labels;
  for (const auto& [label, value] : one) {
    if (other.at(label) != value) changed.insert(label);
  }
  return changed;
}

/// What is wrong with a row.
Found check(const Field& field) {
  const auto named = named_in(field);
  const auto place = place_of(field);
  if (!place) return {field.name() + ": kStands of this test has no row for it"};
  Found found;
  Names touched;
  for (const auto& change : changes_of(field, *place)) {
    const auto lines = touched_by(change, *place);
    for (const auto& line : lines) touched.insert(family_of(line));
    for (const auto& [family, labels] : named) {
      const auto changed = changed_labels(lines, family);
      if (!family.ends_with("_info") || changed.empty() || changed == labels) continue;
      if (is_covered(field, family)) continue;
      found.push_back(fmt::format("{}: other labels of {}", field.name(), family));
    }
  }
  for (const auto& family : touched) {
    if (named.contains(family) || is_covered(field, family)) continue;
    found.push_back(fmt::format("{}: changes {}, too", field.name(), family));
  }
  for (const auto& [family, labels] : named) {
    if (!touched.contains(family)) {
      found.push_back(fmt::format("{}: does not change {}", field.name(), family));
    }
  }
  return found;
}

// ---- planted violations

Field planted(std::string path, std::string published) {
  return {.section = "RunPod v2: list workers",
          .path = std::move(path),
          .published = std::move(published)};
}

TEST(FieldsPublished, AWrongRowIsReported) {
  const std::string row = "RunPod v2: list workers workers[].gpuCount: ";
  EXPECT_EQ(check(planted("workers[].gpuCount", "`serverless_worker_gpus`")), Found{});
  EXPECT_EQ(check(planted("workers[].gpuCount", "`serverless_worker_vcpus`")),
            (Found{row + "changes serverless_worker_gpus, too",
                   row + "does not change serverless_worker_vcpus"}));
  EXPECT_EQ(check(planted("workers[].gpuCount", "not published")),
            Found{row + "changes serverless_worker_gpus, too"});
  EXPECT_EQ(check(planted("workers[].nobodyReadsThis", "`serverless_worker_gpus`")),
            Found{"RunPod v2: list workers workers[].nobodyReadsThis: does not change "
                  "serverless_worker_gpus"});
  EXPECT_EQ(check(planted("workers[].nobodyReadsThis", "not published")), Found{});
  EXPECT_EQ(check(planted("workers[].gpuTypeId", "`serverless_worker_info{location}`")),
            Found{"RunPod v2: list workers workers[].gpuTypeId: other labels of "
                  "serverless_worker_info"});
}

TEST(FieldsPublished, EditsReachWhatTheyName) {
  const std::string document = R"({"a":[{"b":1},{"b":"x\"\n"}],"c":null})";
  EXPECT_EQ(with(document, "a.1.b", "2"), R"({"a":[{"b":1},{"b":2}],"c":null})");
  EXPECT_EQ(with(document, "c.d.0", "true"),
            R"({"a":[{"b":1},{"b":"x\"\u000a"}],"c":{"d":[true]}})");
  EXPECT_EQ(without(document, "a.0"), R"({"a":[{"b":"x\"\u000a"}],"c":null})");
  EXPECT_THROW(without(document, "a.0.c"), std::runtime_error);
}

// ---- the project

TEST(FieldsPublished, EveryRowSaysWhatTheFieldChanges) {
  const auto fields = fields_of(read_file("docs/fields.md"));
  EXPECT_GT(fields.size(), 200U);
  for (const auto& field : fields) EXPECT_EQ(check(field), Found{});
}

TEST(FieldsPublished, EverySpecialChangeIsOfARow) {
  Names names;
  for (const auto& field : fields_of(read_file("docs/fields.md"))) names.insert(field.name());
  for (const auto& [name, changes] : special_changes()) EXPECT_TRUE(names.contains(name)) << name;
}

}  // namespace
}  // namespace serverless::repo
