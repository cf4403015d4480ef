#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace e2e {

/// A directory for one test. It is left where the test failed.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// What the programs wrote and what a test keeps; secrets must never be in there.
  [[nodiscard]] std::filesystem::path outputs() const { return path_ / "outputs"; }
  /// Writes a file beside the outputs. @return its path.
  std::filesystem::path file(const std::string& name, std::string_view text) const;
  void keep(const std::string& name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

}  // namespace e2e
