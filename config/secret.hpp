#pragma once

#include <string>
#include <utility>

namespace serverless::config {

/// A string that cannot be printed: no stream operator, no fmt formatter, no comparison with text.
/// Whoever needs the characters says so with reveal(), which is easy to find in a review.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

  bool operator==(const Secret&) const = default;

 private:
  std::string text_{};
};

}  // namespace serverless::config
