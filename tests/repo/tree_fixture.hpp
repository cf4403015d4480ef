#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace serverless::repo {

/// Files of the project: path from its root -> text.
using Tree = std::map<std::string, std::string>;

/// The text of one file of the project.
std::string read_file(const std::string& path);

/// The files below these folders (or the files themselves) whose names end so.
Tree read_tree(const std::vector<std::string>& places, const std::vector<std::string>& endings);

/// The lines, without their ends.
std::vector<std::string> lines_of(std::string_view text);

/// Without the blanks around it.
std::string trim(std::string_view text);

/// What stands between pairs of backticks.
std::vector<std::string> in_backticks(std::string_view text);

/// A row of a Markdown table.
struct TableRow {
  std::string heading{};  ///< Above the table, without its #.
  std::vector<std::string> cells{};
};

/// The rows of all tables but their head and the line below it.
std::vector<TableRow> table_rows(std::string_view markdown);

/// A sample line of a page.
struct Sample {
  std::string name{};
  std::map<std::string, std::string> labels{};
  std::string value{};
};

/// The samples of a page in the text format.
std::vector<Sample> samples_of(std::string_view page);

/// The lines that only one of two texts has: "-" for the first, "+" for the second.
std::vector<std::string> difference(std::string_view before, std::string_view after);

}  // namespace serverless::repo
