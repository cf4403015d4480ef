#include "collectors/json.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <memory_resource>
#include <system_error>
#include <utility>
#include <vector>

namespace serverless::json {
namespace {

namespace ondemand = simdjson::ondemand;
using Kind = Value::Kind;

constexpr int kMaxDepth = 64;
// A value takes a hundred bytes of memory and may take two of a body. With names, as records have
// them, it takes a dozen: what is denser than this is meant to fill the memory.
constexpr std::size_t kFreeValues = 10'000;
constexpr std::size_t kBytesOfAValue = 8;
constexpr std::size_t kRoomOfARecord = 4096;  // More is allocated.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kWhiteSpace = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// RFC 8259 section 6, which is narrower than what strtod() reads.
bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto whole = at;
  at = skip_digits(text, at);
  if (at == whole || (text[whole] == '0' && at > whole + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    const auto fraction = ++at;
    at = skip_digits(text, at);
    if (at == fraction) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const auto exponent = at;
    at = skip_digits(text, at);
    if (at == exponent) return false;
  }
  return at == text.size();
}

bool is_integer(std::string_view text) {
  return is_number(text) && text.find_first_of(".eE") == std::string_view::npos;
}

/// Nothing when it is no number, or more than anything measures: sums and products of what is left
/// stay finite.
std::optional<double> to_double(std::string_view text) {
  constexpr double kMost = 1e100;
  if (!is_number(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || std::abs(value) > kMost) return std::nullopt;
  return value + 0.0;  // -0 becomes 0.
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// RFC 6901 section 3.
std::string pointer(std::string_view parent, std::string_view key) {
  std::string path{parent};
  path += '/';
  for (const char c : key) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
  return path;
}

}  // namespace

/// Walks one document from its start to its end. All of it is read, so nothing that is not JSON
/// passes because nobody asked for it. Throws simdjson_error; only read_document() catches it.
/// Strings stay in simdjson's buffer and values side by side in a room that grows with them, so
/// that a record costs no allocation of its own.
class Document::Reader {
 public:
  explicit Reader(std::string_view body)
      : text_(body),
        document_(parser_.iterate(text_)),
        values_left_(kFreeValues + body.size() / kBytesOfAValue) {}

  [[nodiscard]] const Value& root() const { return root_; }

  void whole() {
    if (is_scalar()) {
      root_ = root_scalar();
      return;
    }
    root_ = is_array() ? array(document_.get_array(), 1) : object(document_.get_object(), 1);
    expect_end();
  }

  /// @return whether the member is an array where it is there, and there once.
  bool around_list(std::string_view list, const OnElement& take, std::size_t most) {
    if (is_scalar()) {
      root_ = root_scalar();
      return true;
    }
    bool acceptable = true;
    if (is_array()) {
      root_.kind = Kind::array;
      hand_out(document_.get_array(), 1, "/", take, most);
    } else if (list.empty()) {
      root_ = object(document_.get_object(), 1);
    } else {
      bool seen = false;
      const auto before = open_.size();
      for (ondemand::field field : document_.get_object()) {
        const std::string_view key = field.unescaped_key();
        ondemand::value value = field.value();
        if (key != list) {
          open_.push_back(read(value, 1));
        } else if (seen || value.type().value() != ondemand::json_type::array) {
          acceptable = false;
          open_.push_back(read(value, 1));
        } else {
          seen = true;
          hand_out(value.get_array(), 2, pointer("", list) + '/', take, most);
          open_.push_back({.kind = Kind::array});
        }
        open_.back().key = key;
      }
      root_ = close(Kind::object, before);
    }
    expect_end();
    return acceptable;
  }

 private:
  /// @param depth  of the containers around it.
  Value read(ondemand::value value, int depth) {
    if (values_left_-- == 0) throw simdjson::simdjson_error(simdjson::CAPACITY);
    switch (value.type().value()) {
      case ondemand::json_type::array:
        return array(value.get_array(), depth + 1);
      case ondemand::json_type::object:
        return object(value.get_object(), depth + 1);
      case ondemand::json_type::string:
        return {.kind = Kind::string, .text = value.get_string()};
      default:
        return token(value.raw_json_token());
    }
  }

  Value array(ondemand::array elements, int depth) {
    check(depth);
    const auto before = open_.size();
    for (ondemand::value element : elements) open_.push_back(read(element, depth));
    return close(Kind::array, before);
  }

  Value object(ondemand::object fields, int depth) {
    check(depth);
    const auto before = open_.size();
    for (ondemand::field field : fields) {
      const std::string_view key = field.unescaped_key();
      open_.push_back(read(field.value(), depth));
      open_.back().key = key;
    }
    return close(Kind::object, before);
  }

  void hand_out(ondemand::array elements, int depth, std::string path, const OnElement& take,
                std::size_t most) {
    check(depth);
    const auto kept = values_left_;
    const auto prefix = path.size();
    auto* const around = std::exchange(room_, &element_room_);
    std::size_t position = 0;
    for (ondemand::value element : elements) {
      const Value value = read(element, depth);
      if (position >= most) throw simdjson::simdjson_error(simdjson::CAPACITY);
      path.resize(prefix);
      fmt::format_to(std::back_inserter(path), FMT_COMPILE("{}"), position++);
      take(path, value);
      // The element is let go.
      values_left_ = kept;
      element_room_.release();
    }
    room_ = around;
  }

  /// A container of what was read since.
  Value close(Kind kind, std::size_t before) {
    const auto size = open_.size() - before;
    auto* const first =
        size == 0 ? nullptr : std::pmr::polymorphic_allocator<Value>(room_).allocate(size);
    std::uninitialized_copy_n(open_.begin() + static_cast<std::ptrdiff_t>(before), size, first);
    open_.resize(before);
    return {.kind = kind, .first = first, .size = size};
  }

  static Value token(std::string_view raw) {
    const auto text = trim(raw);
    if (text == "null") return {};
    if (text == "true") return {.kind = Kind::boolean, .boolean = true};
    if (text == "false") return {.kind = Kind::boolean};
    if (is_number(text)) return {.kind = Kind::number, .text = text};
    throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
  }

  Value root_scalar() {
    if (document_.type().value() != ondemand::json_type::string) {
      // Its token would end where the next one starts. The whole text has to be that scalar.
      return token({text_.data(), text_.size()});
    }
    const Value value{.kind = Kind::string, .text = document_.get_string()};
    expect_end();
    return value;
  }

  bool is_array() { return document_.type().value() == ondemand::json_type::array; }

  bool is_scalar() {
    const ondemand::json_type type = document_.type();
    return type != ondemand::json_type::array && type != ondemand::json_type::object;
  }

  void expect_end() {
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      throw simdjson::simdjson_error(simdjson::TRAILING_CONTENT);
    }
  }

  static void check(int depth) {
    if (depth > kMaxDepth) throw simdjson::simdjson_error(simdjson::DEPTH_ERROR);
  }

  simdjson::padded_string text_;
  ondemand::parser parser_{};
  ondemand::document document_;
  std::size_t values_left_;
  Value root_{};
  std::vector<Value> open_{};  // Of the containers that are being read.
  std::pmr::monotonic_buffer_resource root_room_{};
  std::array<std::byte, kRoomOfARecord> record_{};
  std::pmr::monotonic_buffer_resource element_room_{record_.data(), record_.size()};
  std::pmr::memory_resource* room_ = &root_room_;
};

namespace {

/// What went wrong, in words that hold nothing of the body.
std::string_view describe(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "the body is empty";
    case simdjson::UTF8_ERROR:
      return "invalid UTF-8";
    case simdjson::DEPTH_ERROR:
      return "more than 64 levels";
    case simdjson::TRAILING_CONTENT:
      return "something follows the end of the document";
    case simdjson::UNCLOSED_STRING:
      return "a string without an end";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "the body does not end with the bracket that closes it";
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
      return "a malformed string";
    case simdjson::INCORRECT_TYPE:
    case simdjson::NUMBER_ERROR:
      return "a malformed number or word";
    default:
      return "a misplaced or missing comma, colon or bracket";
  }
}

/// @param read  of a Reader; its answer is whether the list was acceptable.
template <typename Read>
Result<Document> read_document(std::string_view body, std::string_view list, const Read& read) {
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  try {
    auto reader = std::make_unique<Document::Reader>(body);
    if (read(*reader)) return Document{std::move(reader)};
    return fail(Reason::schema, fmt::format("{}: expected one array", pointer("", list)));
  } catch (const simdjson::simdjson_error& error) {
    if (error.error() == simdjson::CAPACITY) {
      return fail(Reason::too_large, "more records or values than anybody has");
    }
    return fail(Reason::parse, fmt::format("not JSON: {}", describe(error.error())));
  }
}

}  // namespace

const Value* Value::find(std::string_view name) const {
  for (const Value* value = first + size; value != first;) {
    if ((--value)->key == name) return value;
  }
  return nullptr;
}

Document::Document(std::unique_ptr<Reader> reader)
    : Value(reader->root()), reader_(std::move(reader)) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<Document> decode(std::string_view body, std::string_view list, const OnElement& on_element,
                        std::size_t most) {
  return read_document(body, list, [&](Document::Reader& reader) {
    return reader.around_list(list, on_element, most);
  });
}

Result<Document> decode(std::string_view body) {
  return read_document(body, {}, [](Document::Reader& reader) {
    reader.whole();
    return true;
  });
}

Record::Record(const Value* object, std::string path, Skipped& skipped)
    : object_(object), path_(std::move(path)), skipped_(&skipped) {}

bool Record::has(std::string_view key) const { return find(key) != nullptr; }

std::string_view Record::text(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return {};
  if (value->kind != Kind::string) {
    bad(key, "a string");
    return {};
  }
  return trim(value->text);
}

std::string Record::word(std::string_view key) const {
  auto word = lower(text(key));
  if (word.size() <= kMaxIdBytes) return word;
  bad(key, "a word");
  return {};
}

std::string_view Record::id(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return {};
  const bool may_be =
      value->kind == Kind::string || (value->kind == Kind::number && is_integer(value->text));
  const auto id = trim(value->text);
  if (may_be && id.size() <= kMaxIdBytes && id != "." && id != "..") return id;
  bad(key, may_be ? "an id" : "a string or an integer");
  return {};
}

std::optional<double> Record::number(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == Kind::number || value->kind == Kind::string) {
    if (const auto number = to_double(trim(value->text))) return number;
  }
  bad(key, "a number");
  return std::nullopt;
}

std::optional<double> Record::amount(std::string_view key) const {
  const auto value = number(key);
  if (value && *value < 0) {
    bad(key, "a number that is not negative");
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> Record::count(std::string_view key) const {
  // Beyond 2^53 a double has lost the last digits, and no count of anything is that high.
  constexpr double kMostExact = 9007199254740992.0;
  const auto value = amount(key);
  if (!value) return std::nullopt;
  if (*value > kMostExact || std::trunc(*value) != *value) {
    bad(key, "a whole number");
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*value);
}

std::optional<bool> Record::boolean(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == Kind::boolean) return value->boolean;
  if (value->kind == Kind::string) {
    const auto text = lower(trim(value->text));
    if (text == "true") return true;
    if (text == "false") return false;
  }
  bad(key, "true or false");
  return std::nullopt;
}

std::optional<Time> Record::time(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == Kind::number || value->kind == Kind::string) {
    const auto text = trim(value->text);
    if (text.empty()) return std::nullopt;
    if (is_number(text)) {
      const auto seconds = to_double(text);
      if (seconds && *seconds <= 0) return std::nullopt;
      if (seconds) {
        if (const auto time = time_of_unix(*seconds)) return time;
      }
    } else if (const auto time = parse_time(text)) {
      if (time->time_since_epoch().count() <= 0) return std::nullopt;
      return time;
    }
  }
  bad(key, "a time");
  return std::nullopt;
}

Record Record::object(std::string_view key) const {
  const auto* value = find(key);
  if (value != nullptr && value->kind != Kind::object) {
    bad(key, "an object");
    value = nullptr;
  }
  return {value, pointer(path_, key), *skipped_};
}

const Value* Record::array(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->kind != Kind::array) {
    bad(key, "an array");
    return nullptr;
  }
  return value;
}

const Value* Record::find(std::string_view key) const {
  const auto* value = object_ == nullptr ? nullptr : object_->find(key);
  return value == nullptr || value->kind == Kind::null ? nullptr : value;
}

void Record::bad(std::string_view key, std::string_view expected) const {
  skipped_->add(Skip::bad_field, fmt::format("{}: expected {}", pointer(path_, key), expected));
}

std::optional<Identified> identify(const Value& element, const std::string& path,
                                   Skipped& skipped) {
  if (element.kind != Value::Kind::object) {
    skipped.add(Skip::not_object, path + ": expected an object");
    return std::nullopt;
  }
  Record record{&element, path, skipped};
  const auto id = record.id("id");
  if (id.empty()) {
    skipped.add(Skip::no_id, path + "/id: expected an id");
    return std::nullopt;
  }
  return Identified{id, std::move(record)};
}

}  // namespace serverless::json
