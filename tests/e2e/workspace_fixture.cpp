#include "tests/e2e/workspace_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "tests/e2e/process_fixture.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

fs::path new_directory() {
  std::string path = (fs::temp_directory_path() / "serverless_e2e.XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary directory");
  return path;
}

}  // namespace

Workspace::Workspace() : path_(new_directory()) { fs::create_directory(outputs()); }

Workspace::~Workspace() {
  if (testing::Test::HasFailure()) {
    fmt::print(stderr, "left for you: {}\n", path_.string());
    return;
  }
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path Workspace::file(const std::string& name, std::string_view text) const {
  write_file(path_ / name, text);
  return path_ / name;
}

void Workspace::keep(const std::string& name, std::string_view text) const {
  write_file(outputs() / name, text);
}

}  // namespace e2e
