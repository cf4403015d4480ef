#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace serverless::fakes {

/// A file below tests/fixtures/: "runpod/endpoints.json".
inline std::string fixture(const std::string& name) {
  std::ifstream file{std::string{SOURCE_DIR "/tests/fixtures/"} + name, std::ios::binary};
  if (!file) throw std::runtime_error("no fixture " + name);
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace serverless::fakes
