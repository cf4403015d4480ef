#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collectors/error.hpp"
#include "collectors/observation.hpp"
#include "collectors/timestamp.hpp"

// The only door to simdjson.
namespace serverless::json {

/// One JSON value: a view into its document, which has to outlive it.
struct Value {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::string_view key{};   ///< Its name in the object around it.
  std::string_view text{};  ///< A string's characters, or a number's token as it was written.

  /// What an array or an object holds, in order.
  [[nodiscard]] std::span<const Value> inside() const { return {first, size}; }
  /// The member of that name, or null. Of duplicates the last.
  [[nodiscard]] const Value* find(std::string_view name) const;

  const Value* first = nullptr;
  std::size_t size = 0;
};

/// A document's root, and all that its values refer to.
class Document : public Value {
 public:
  class Reader;
  explicit Document(std::unique_ptr<Reader> reader);
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

 private:
  std::unique_ptr<Reader> reader_;
};

/// Called with each element of the list and where it stands, as a JSON pointer. The value is let go
/// when this returns.
using OnElement = std::function<void(const std::string& path, const Value& element)>;

/// Reads a document whose records stand in one array: the document itself, or its member `list`.
/// The elements are handed out one at a time and are not part of what is returned, where an empty
/// array stands in their place. A leading byte-order mark is skipped.
/// @param most  elements of the list.
/// @return the rest of the document; Reason::parse for what is not JSON (bad UTF-8, more than 64
///         levels, anything after the end); Reason::too_large for more elements, or where more than
///         10,000 values that are kept at a time take less than 8 bytes each.
Result<Document> decode(std::string_view body, std::string_view list, const OnElement& on_element,
                        std::size_t most = std::numeric_limits<std::size_t>::max());

/// Reads a document that is not a list.
Result<Document> decode(std::string_view body);

/// Reads the fields of one object and notes in `skipped` what it has to leave out: a field of the
/// wrong type or an impossible value is absent, and counted. An absent field and null are the same.
class Record {
 public:
  /// @param path  where the object stands, as a JSON pointer, for the notes.
  Record(const Value* object, std::string path, Skipped& skipped);

  [[nodiscard]] bool has(std::string_view key) const;  ///< There, and not null.
  /// Empty when absent. Surrounding white space is cut. A view into the document, as an id.
  [[nodiscard]] std::string_view text(std::string_view key) const;
  /// text(), with ASCII letters in lower case; kMaxIdBytes at most.
  [[nodiscard]] std::string word(std::string_view key) const;
  /// An id: a string, or an integer as it is written; kMaxIdBytes at most, and neither "." nor
  /// "..", which a URL's path would lose.
  [[nodiscard]] std::string_view id(std::string_view key) const;
  /// A number or a string that holds one. NaN, infinities and what lies beyond 1e100 are refused.
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  /// number(), and not negative.
  [[nodiscard]] std::optional<double> amount(std::string_view key) const;
  /// amount(), and whole.
  [[nodiscard]] std::optional<std::int64_t> count(std::string_view key) const;
  /// true, false, or either as text.
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  /// A text in one of the forms of parse_time(), or seconds since the epoch. Zero, negative and ""
  /// are absent, not wrong: that is how providers write "not yet".
  [[nodiscard]] std::optional<Time> time(std::string_view key) const;
  /// An object; one without fields when absent.
  [[nodiscard]] Record object(std::string_view key) const;
  /// An array; null when absent.
  [[nodiscard]] const Value* array(std::string_view key) const;

 private:
  [[nodiscard]] const Value* find(std::string_view key) const;
  void bad(std::string_view key, std::string_view expected) const;

  const Value* object_;
  std::string path_;
  Skipped* skipped_;
};

/// A record of a list, and its id.
struct Identified {
  std::string_view id{};
  Record record;
};

/// An element of a list as a record with an id, at its member `id`. What is no object or has no id
/// is nothing, and noted in `skipped`.
/// @param path  where the element stands, as OnElement is told.
std::optional<Identified> identify(const Value& element, const std::string& path, Skipped& skipped);

}  // namespace serverless::json
