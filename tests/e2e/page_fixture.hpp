#pragma once

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace e2e {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name{};
  Labels labels{};
  double value = 0;

  [[nodiscard]] bool has(const Labels& some) const;
  [[nodiscard]] std::string label(const std::string& key) const;
  /// Name and labels, in one way of writing.
  [[nodiscard]] std::string series() const;
};

struct Family {
  std::string name{};
  std::string type{};
  std::string help{};
};

class BadPage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A page in the text format 0.0.4.
class Page {
 public:
  /// Reads strictly: whatever a careful reader of the format's document would refuse, and what no
  /// exporter should write (values that are not finite, time stamps), throws BadPage.
  static Page parse(std::string_view text);

  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
  [[nodiscard]] const std::vector<Family>& families() const { return families_; }
  [[nodiscard]] std::vector<const Sample*> find(std::string_view name,
                                                const Labels& labels = {}) const;
  [[nodiscard]] bool has(std::string_view name, const Labels& labels = {}) const {
    return !find(name, labels).empty();
  }
  /// The sum of what matches; nothing if nothing does.
  [[nodiscard]] std::optional<double> sum(std::string_view name, const Labels& labels = {}) const;
  /// The value of the one series that matches; nothing if none does. @throw BadPage if several do.
  [[nodiscard]] std::optional<double> value(std::string_view name, const Labels& labels = {}) const;

 private:
  friend class PageReader;
  std::vector<Sample> samples_{};
  std::vector<Family> families_{};
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_name_{};  ///< In samples_.
};

}  // namespace e2e
