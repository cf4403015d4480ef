#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/json.hpp"

namespace serverless {
namespace {

using json::Value;

/// The one section that is about no schema.
constexpr std::string_view kBeyond = "Fields beyond the documents";
/// How every other section begins, before the name of its schema.
constexpr std::string_view kSchema = "Schema `";

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>{in}, {}};
}

const std::filesystem::path kRoot{SOURCE_DIR};

/// "#/$defs/Name" within the schema.
const Value& resolve(const Value& root, std::string_view reference) {
  const Value* at = &root;
  for (auto rest = reference.substr(1); !rest.empty();) {
    rest.remove_prefix(1);
    const auto end = std::min(rest.find('/'), rest.size());
    at = at->find(rest.substr(0, end));
    if (at == nullptr) throw std::runtime_error("no " + std::string{reference});
    rest.remove_prefix(end);
  }
  return *at;
}

/// Adds the paths of all values that the schema has: "a.b", "a[].c", "a[]".
void walk(const Value& root, const Value& schema, const std::string& path,
          std::set<std::string>& paths) {
  if (const auto* reference = schema.find("$ref")) {
    return walk(root, resolve(root, reference->text), path, paths);
  }
  bool inner = false;
  for (const auto* combination : {"anyOf", "oneOf", "allOf"}) {
    const auto* choices = schema.find(combination);
    if (choices == nullptr) continue;
    inner = true;
    std::set<std::string> found;
    for (const auto& choice : choices->inside()) walk(root, choice, path, found);
    // A null, or a text, in the place of an object is no field of its own.
    if (found.size() > 1) found.erase(path);
    paths.merge(found);
  }
  if (const auto* items = schema.find("items")) {
    inner = true;
    walk(root, *items, path + "[]", paths);
  }
  if (const auto* properties = schema.find("properties")) {
    inner = true;
    for (const auto& property : properties->inside()) {
      const std::string key{property.key};
      walk(root, property, path.empty() ? key : path + "." + key, paths);
    }
  }
  if (!inner) paths.insert(path);
}

std::set<std::string> paths_of(std::string_view schema) {
  const auto root = json::decode(schema);
  EXPECT_TRUE(root.has_value()) << root.error().detail;
  std::set<std::string> paths;
  if (root) walk(*root, *root, "", paths);
  return paths;
}

struct Row {
  std::string path{};
  std::string published{};
  std::string note{};
};

std::string trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(' ') - first + 1)};
}

struct Section {
  std::vector<std::string> schemas{};
  std::vector<Row> rows{};
};

/// The sections by their headings. A path stands in backticks.
std::map<std::string, Section> sections() {
  std::map<std::string, Section> all;
  std::ifstream in(kRoot / "docs/fields.md");
  std::string section;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) {
      section = line.substr(3);
      all[section];
    }
    if (line.starts_with(kSchema)) {
      const auto name = line.substr(kSchema.size());
      all[section].schemas.push_back(name.substr(0, name.find('`')));
    }
    if (!line.starts_with("| ") || line == "| path | published as | note |" ||
        line.starts_with("| ---")) {
      continue;
    }
    std::vector<std::string> cells;
    for (std::size_t from = 1; from < line.size();) {
      const auto end = line.find('|', from);
      if (end == std::string::npos) break;
      cells.push_back(trim(std::string_view{line}.substr(from, end - from)));
      from = end + 1;
    }
    EXPECT_EQ(cells.size(), 3U) << line;
    if (cells.size() == 3U) all[section].rows.push_back({cells[0], cells[1], cells[2]});
  }
  return all;
}

std::vector<std::string> schema_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "tests/fixtures/schemas")) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

std::vector<std::string> difference(const std::set<std::string>& a,
                                    const std::set<std::string>& b) {
  std::vector<std::string> only;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only));
  return only;
}

TEST(Fields, EverySchemaHasItsSectionAndEverySectionItsSchema) {
  std::vector<std::string> named;
  for (const auto& [heading, section] : sections()) {
    EXPECT_EQ(section.schemas.size(), heading == kBeyond ? 0U : 1U)
        << "docs/fields.md: the text of \"" << heading << "\" begins with its schema: " << kSchema
        << "NAME.json`";
    named.insert(named.end(), section.schemas.begin(), section.schemas.end());
  }
  auto files = schema_files();
  std::sort(named.begin(), named.end());
  std::sort(files.begin(), files.end());
  EXPECT_EQ(named, files) << "what docs/fields.md names, and tests/fixtures/schemas/";
}

TEST(Fields, EveryDocumentedFieldHasItsRow) {
  for (const auto& [heading, section] : sections()) {
    if (section.schemas.size() != 1) continue;
    const auto& file = section.schemas[0];
    std::set<std::string> rows;
    for (const auto& row : section.rows) {
      EXPECT_TRUE(row.path.size() > 2 && row.path.front() == '`' && row.path.back() == '`')
          << heading << ": " << row.path;
      const auto path = row.path.substr(1, row.path.size() - 2);
      EXPECT_TRUE(rows.insert(path).second) << heading << " has " << path << " twice";
    }
    const auto paths = paths_of(slurp(kRoot / "tests/fixtures/schemas" / file));
    EXPECT_FALSE(paths.empty()) << file;
    EXPECT_EQ(difference(paths, rows), std::vector<std::string>{})
        << "fields of " << file << " that section \"" << heading << "\" does not have";
    EXPECT_EQ(difference(rows, paths), std::vector<std::string>{})
        << "rows of section \"" << heading << "\" that " << file << " does not have";
  }
}

/// `serverless_x{label}`, or several with commas between.
bool are_metrics(std::string_view cell) {
  for (std::size_t from = 0; from < cell.size();) {
    const auto end = std::min(cell.find(", ", from), cell.size());
    const auto one = cell.substr(from, end - from);
    if (!one.starts_with("`serverless_") || !one.ends_with("`")) return false;
    from = end + 2;
  }
  return !cell.empty();
}

TEST(Fields, WhatIsNotPublishedSaysWhy) {
  for (const auto& [heading, section] : sections()) {
    for (const auto& row : section.rows) {
      if (row.published == "not published") {
        EXPECT_FALSE(row.note.empty()) << heading << ": " << row.path;
      } else {
        EXPECT_TRUE(are_metrics(row.published)) << heading << ": " << row.path;
      }
    }
  }
}

TEST(Fields, AWalkFindsEveryValueOnce) {
  EXPECT_EQ(paths_of(R"({"oneOf":[{"type":"string"},{"type":"object","properties":{
                "a":{"type":"string"},
                "free":{"type":"object"},
                "b":{"anyOf":[{"type":"number"},{"type":"null"}]},
                "c":{"type":"array","items":{"type":"string"}},
                "d":{"type":"array","items":{"$ref":"#/$defs/D"}},
                "e":{"anyOf":[{"$ref":"#/$defs/D"},{"type":"null"}]}}}],
              "$defs":{"D":{"type":"object","properties":{
                "x":{"type":"string"},
                "y":{"type":"object","properties":{"z":{"type":"number"}}}}}}})"),
            (std::set<std::string>{"a", "free", "b", "c[]", "d[].x", "d[].y.z", "e.x", "e.y.z"}));
  EXPECT_EQ(paths_of(R"({"type":"array","items":{"type":"object","properties":{"id":{}}}})"),
            std::set<std::string>{"[].id"});
}

}  // namespace
}  // namespace serverless
