#include "tests/repo/tree_fixture.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace serverless::repo {
namespace {

const std::filesystem::path kRoot{SOURCE_DIR};

bool ends_so(const std::string& path, const std::vector<std::string>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](const std::string& ending) { return path.ends_with(ending); });
}

// `a="b",c="d"}`: the text after the opening brace. Escapes stay as they are.
std::map<std::string, std::string> labels_of(std::string_view text) {
  std::map<std::string, std::string> labels;
  while (!text.empty() && text.front() != '}') {
    const auto quote = text.find('"');
    const std::string key{text.substr(0, quote - 1)};
    auto end = quote + 1;
    while (text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    labels[key] = std::string{text.substr(quote + 1, end - quote - 1)};
    text.remove_prefix(end + 1);
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return labels;
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(kRoot / path, std::ios::binary);
  if (!file) throw std::runtime_error("no file " + path);
  return {std::istreambuf_iterator<char>{file}, {}};
}

Tree read_tree(const std::vector<std::string>& places, const std::vector<std::string>& endings) {
  Tree tree;
  const auto take = [&](const std::filesystem::path& path) {
    const auto name = path.lexically_relative(kRoot).string();
    if (ends_so(name, endings)) tree.emplace(name, read_file(name));
  };
  for (const auto& place : places) {
    const auto path = kRoot / place;
    if (std::filesystem::is_regular_file(path)) take(path);
    if (!std::filesystem::is_directory(path)) continue;
    using Entries = std::filesystem::recursive_directory_iterator;
    for (auto entry = Entries{path}; entry != Entries{}; ++entry) {
      if (entry->path().filename() == "node_modules") entry.disable_recursion_pending();
      if (entry->is_regular_file()) take(entry->path());
    }
  }
  return tree;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string{text}};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(' ') - first + 1)};
}

std::vector<std::string> in_backticks(std::string_view text) {
  std::vector<std::string> all;
  for (auto open = text.find('`'); open != std::string_view::npos; open = text.find('`', open)) {
    const auto close = text.find('`', open + 1);
    if (close == std::string_view::npos) break;
    all.emplace_back(text.substr(open + 1, close - open - 1));
    open = close + 1;
  }
  return all;
}

std::vector<TableRow> table_rows(std::string_view markdown) {
  std::vector<TableRow> rows;
  std::string heading;
  const auto lines = lines_of(markdown);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& line = lines[i];
    if (line.starts_with('#')) heading = trim(line.substr(line.find(' ') + 1));
    if (!line.starts_with("| ") || line.starts_with("| ---")) continue;
    if (i + 1 < lines.size() && lines[i + 1].starts_with("| ---")) continue;
    TableRow row{.heading = heading};
    std::istringstream cells(line.substr(1));
    for (std::string cell; std::getline(cells, cell, '|');) row.cells.push_back(trim(cell));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Sample> samples_of(std::string_view page) {
  std::vector<Sample> samples;
  for (const auto& line : lines_of(page)) {
    if (line.empty() || line.starts_with('#')) continue;
    Sample sample;
    const auto end = line.find_first_of("{ ");
    sample.name = line.substr(0, end);
    if (line[end] == '{') sample.labels = labels_of(std::string_view{line}.substr(end + 1));
    sample.value = line.substr(line.rfind(' ') + 1);
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::vector<std::string> difference(std::string_view before, std::string_view after) {
  auto one = lines_of(before);
  auto other = lines_of(after);
  std::sort(one.begin(), one.end());
  std::sort(other.begin(), other.end());
  std::vector<std::string> found;
  std::set_difference(one.begin(), one.end(), other.begin(), other.end(),
                      std::back_inserter(found));
  for (auto& line : found) line.insert(0, "-");
  const auto removed = found.size();
  std::set_difference(other.begin(), other.end(), one.begin(), one.end(),
                      std::back_inserter(found));
  for (auto i = removed; i < found.size(); ++i) found[i].insert(0, "+");
  return found;
}

}  // namespace serverless::repo
