#include "collectors/json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace serverless::json {
namespace {

using namespace std::chrono_literals;
using Kind = Value::Kind;

/// A value in a notation of its own: strings in quotes, everything else as it is written.
std::string dump(const Value& value) {
  std::string out;
  switch (value.kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return value.boolean ? "true" : "false";
    case Kind::number:
      return std::string{value.text};
    case Kind::string:
      return "\"" + std::string{value.text} + "\"";
    case Kind::array:
      for (const auto& item : value.inside()) out += (out.empty() ? "" : ",") + dump(item);
      return "[" + out + "]";
    case Kind::object:
      for (const auto& member : value.inside()) {
        out += (out.empty() ? "" : ",") + std::string{member.key} + ":" + dump(member);
      }
      return "{" + out + "}";
  }
  return "?";
}

std::string read(std::string_view body) {
  const auto value = decode(body);
  if (value) return dump(*value);
  return std::string{name(value.error().reason)} + ": " + value.error().detail;
}

/// "/0=... /1=... | what is left"
std::string read_list(std::string_view body, std::string_view list) {
  std::string elements;
  const auto rest = decode(body, list, [&elements](const std::string& path, const Value& value) {
    elements += path + "=" + dump(value) + " ";
  });
  if (rest) return elements + "| " + dump(*rest);
  return std::string{name(rest.error().reason)} + ": " + rest.error().detail;
}

constexpr const char* kMisplaced =
    "parse: not JSON: a misplaced or missing comma, colon or bracket";
constexpr const char* kBadToken = "parse: not JSON: a malformed number or word";
constexpr const char* kUnclosed =
    "parse: not JSON: the body does not end with the bracket that closes it";
constexpr const char* kBadString = "parse: not JSON: a malformed string";
constexpr const char* kTrailing = "parse: not JSON: something follows the end of the document";

std::string nested(int levels) {
  const auto count = static_cast<std::size_t>(levels);
  return std::string(count, '[') + std::string(count, ']');
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += piece;
  return out;
}

// The reason alone: a body that was read nevertheless is too long to be printed.
std::string reason_of(const Result<Document>& value) {
  return value ? "read" : std::string{name(value.error().reason)};
}

const OnElement kIgnore = [](const std::string&, const Value&) {};

// Each value takes a hundred bytes of memory, whatever it takes of the body.
TEST(JsonDecode, ValuesThatAreDenserThanThoseOfRecordsAreRefused) {
  const std::string dense = "[" + repeated("0,", 40'000) + "0]";
  EXPECT_EQ(reason_of(decode(dense)), "too_large");
  EXPECT_EQ(reason_of(decode(R"({"x":)" + dense + "}")), "too_large");
  EXPECT_EQ(reason_of(decode(R"({"rows":[{"a":)" + dense + "}]}", "rows", kIgnore)), "too_large");
  EXPECT_EQ(reason_of(decode(R"({"x":)" + dense + R"(,"rows":[]})", "rows", kIgnore)), "too_large");
  EXPECT_EQ(reason_of(decode(R"({"rows":[1,2],"x":)" + dense + "}", "rows", kIgnore)), "too_large");
}

TEST(JsonDecode, AsManyValuesAsRecordsHaveAreRead) {
  EXPECT_EQ(reason_of(decode("[" + repeated("0,", 9'000) + "0]")), "read");
  EXPECT_EQ(
      reason_of(decode("[" + repeated(R"({"id":"abcdefghij","gpuCount":1},)", 100'000) + "0]")),
      "read");
}

TEST(JsonDecode, ElementsThatAreHandedOutMayBeOfAnySize) {
  const std::string rows = "[" + repeated("0,", 100'000) + "0]";
  EXPECT_EQ(reason_of(decode(rows, "", kIgnore)), "read");
  EXPECT_EQ(reason_of(decode(R"({"rows":)" + rows + "}", "rows", kIgnore)), "read");
}

TEST(JsonDecode, AListMayHaveSoManyElementsAndNoMore) {
  EXPECT_TRUE(decode("[1,2,3]", "", kIgnore, 3));
  EXPECT_TRUE(decode(R"({"rows":[1,2,3]})", "rows", kIgnore, 3));
  const auto over = decode(R"({"rows":[1,2,3,4]})", "rows", kIgnore, 3);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, Reason::too_large);
}

TEST(JsonDecode, ReadsEveryKindOfValue) {
  EXPECT_EQ(read(R"( {"a" : null, "b":[true,false,[],{}], "c":{"d":"x\u00e9\n"}, "e":-1.50e+3} )"),
            "{a:null,b:[true,false,[],{}],c:{d:\"x\u00e9\n\"},e:-1.50e+3}");
  EXPECT_EQ(read("[]"), "[]");
  EXPECT_EQ(read("{}"), "{}");
}

TEST(JsonDecode, ReadsADocumentThatIsAScalar) {
  EXPECT_EQ(read(R"( "some text" )"), "\"some text\"");
  EXPECT_EQ(read(" 12 "), "12");
  EXPECT_EQ(read("true"), "true");
  EXPECT_EQ(read("null\n"), "null");
}

TEST(JsonDecode, SkipsAByteOrderMark) {
  EXPECT_EQ(read("\xEF\xBB\xBF{\"a\":1}"), "{a:1}");
  EXPECT_EQ(read("\xEF\xBB\xBF"), "parse: not JSON: the body is empty");
}

TEST(JsonDecode, KeepsADuplicateAndFindsTheLast) {
  const auto value = decode(R"({"a":1,"a":2})");
  ASSERT_TRUE(value);
  EXPECT_EQ(dump(*value), "{a:1,a:2}");
  ASSERT_NE(value->find("a"), nullptr);
  EXPECT_EQ(dump(*value->find("a")), "2");
  EXPECT_EQ(value->find("b"), nullptr);
}

TEST(JsonDecode, KeepsNumbersAsTheyAreWritten) {
  EXPECT_EQ(read("[0,-0,1.0,123456789012345678901234567890,1e999,1E-7]"),
            "[0,-0,1.0,123456789012345678901234567890,1e999,1E-7]");
}

TEST(JsonDecode, RefusesWhatIsNoJsonNumber) {
  for (const auto* number :
       {"01", "-", "1.", "1e", "1e+", "-01", "0x10", "1_000", "1.2.3", "--1"}) {
    EXPECT_EQ(read(std::string{"["} + number + "]"), kBadToken) << number;
  }
  for (const auto* number : {"+1", ".5", "NaN", "Infinity"}) {
    EXPECT_TRUE(read(std::string{"["} + number + "]").starts_with("parse: ")) << number;
  }
}

TEST(JsonDecode, RefusesWhatIsNotJson) {
  EXPECT_EQ(read(""), "parse: not JSON: the body is empty");
  EXPECT_EQ(read(" \n"), "parse: not JSON: the body is empty");
  EXPECT_TRUE(read("<html><body>do-not-log</body></html>").starts_with("parse: not JSON: "));
  EXPECT_EQ(read("[1 2]"), kMisplaced);
  EXPECT_EQ(read("[1,]"), kMisplaced);
  EXPECT_EQ(read(R"({"a" 1})"), kMisplaced);
  EXPECT_EQ(read(R"({"a":1,})"), kMisplaced);
  EXPECT_EQ(read(R"({a:1})"), kMisplaced);
  EXPECT_EQ(read("[truex]"), kBadToken);
  EXPECT_EQ(read("[nul]"), kBadToken);
  EXPECT_EQ(read("12 34"), kBadToken);
}

TEST(JsonDecode, RefusesATruncatedBodyWhereverItEnds) {
  const std::string body = R"({"workers":[{"id":"a","n":[1,{"b":true}]}],"summary":{"total":1}})";
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_TRUE(read(body.substr(0, size)).starts_with("parse: not JSON: ")) << size;
    EXPECT_TRUE(read_list(body.substr(0, size), "workers").starts_with("parse: not JSON: "))
        << size;
  }
  EXPECT_EQ(read("[1"), kUnclosed);
  EXPECT_EQ(read(R"(["a)"), "parse: not JSON: a string without an end");
}

TEST(JsonDecode, RefusesAnythingAfterTheEnd) {
  EXPECT_EQ(read("[] []"), kTrailing);
  EXPECT_EQ(read("{} ]"), kUnclosed);
  EXPECT_EQ(read(R"("a" "b")"), kTrailing);
  EXPECT_EQ(read("{} {}"), kTrailing);
  EXPECT_EQ(read_list(R"([1],[2])", "a"), kTrailing);
  EXPECT_EQ(read_list(R"({"a":[]},{"a":[]})", "a"), kTrailing);
  EXPECT_EQ(read_list(R"([1],{"a":[]})", "a"), kUnclosed);
}

TEST(JsonDecode, RefusesBadStrings) {
  EXPECT_EQ(read("[\"\xff\"]"), "parse: not JSON: invalid UTF-8");
  EXPECT_EQ(read("[\"\xed\xa0\x80\"]"), "parse: not JSON: invalid UTF-8");
  EXPECT_EQ(read("[\"a\nb\"]"), kBadString);
  EXPECT_EQ(read(R"(["\x41"])"), kBadString);
  EXPECT_EQ(read(R"(["\ud800"])"), kBadString);
}

TEST(JsonDecode, ReadsNoDeeperThanSixtyFourLevels) {
  EXPECT_EQ(read(nested(64)), nested(64));
  EXPECT_EQ(read(nested(65)), "parse: not JSON: more than 64 levels");
  EXPECT_EQ(read(nested(200000)), "parse: not JSON: more than 64 levels");
  EXPECT_EQ(read_list(R"({"list":)" + nested(63) + "}", "list"),
            "/list/0=" + nested(62) + " | {list:[]}");
  EXPECT_EQ(read_list(R"({"list":)" + nested(64) + "}", "list"),
            "parse: not JSON: more than 64 levels");
}

TEST(JsonDecodeList, HandsOutTheElementsOfTheMember) {
  EXPECT_EQ(read_list(R"({"a":1,"workers":[{"id":"x"},null,3],"b":[4]})", "workers"),
            "/workers/0={id:\"x\"} /workers/1=null /workers/2=3 | {a:1,workers:[],b:[4]}");
  EXPECT_EQ(read_list(R"({"workers":[]})", "workers"), "| {workers:[]}");
}

TEST(JsonDecodeList, SaysWhereAnElementStands) {
  EXPECT_EQ(read_list(R"({"a/b":[7]})", "a/b"), "/a~1b/0=7 | {a/b:[]}");
}

// Whatever an element takes is given back with it, and nothing of the document around it.
TEST(JsonDecodeList, ElementsLeaveTheDocumentAroundThemAsItIs) {
  const std::string big = "[" + repeated("[[],{\"k\":\"v\"}],", 500) + "0]";
  const std::string left = R"({a:{b:[1,"x"]},rows:[],c:["y"]})";
  std::size_t seen = 0;
  std::string first;
  const auto rest =
      decode(R"({"a":{"b":[1,"x"]},"rows":[)" + big + "," + big + R"(,{"id":"z"}],"c":["y"]})",
             "rows", [&](const std::string&, const Value& value) {
               if (seen++ == 0) first = dump(value);
               if (seen == 2) {
                 EXPECT_EQ(dump(value), first);
               }
               if (seen == 3) {
                 EXPECT_EQ(dump(value), "{id:\"z\"}");
               }
             });
  ASSERT_TRUE(rest);
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(dump(*rest), left);
}

TEST(JsonDecodeList, HandsOutTheElementsOfADocumentThatIsTheList) {
  EXPECT_EQ(read_list(R"([{"id":"x"},"y"])", "workers"), "/0={id:\"x\"} /1=\"y\" | []");
  EXPECT_EQ(read_list("[1]", ""), "/0=1 | []");
}

TEST(JsonDecodeList, ReturnsADocumentWithoutTheListForTheParserToJudge) {
  EXPECT_EQ(read_list(R"({"error_msg":"no"})", "workers"), "| {error_msg:\"no\"}");
  EXPECT_EQ(read_list(R"({"nested":{"workers":[1]}})", "workers"), "| {nested:{workers:[1]}}");
  EXPECT_EQ(read_list(R"({"":[1]})", ""), "| {:[1]}");
  EXPECT_EQ(read_list(R"("bad key")", "workers"), "| \"bad key\"");
  EXPECT_EQ(read_list("null", "workers"), "| null");
}

TEST(JsonDecodeList, RefusesAMemberThatIsNoArray) {
  for (const auto* value : {"null", "{}", "\"do-not-log\"", "3", "true"}) {
    EXPECT_EQ(read_list(std::string{R"({"workers":)"} + value + "}", "workers"),
              "schema: /workers: expected one array")
        << value;
  }
  EXPECT_EQ(read_list(R"({"a/b":1})", "a/b"), "schema: /a~1b: expected one array");
}

TEST(JsonDecodeList, RefusesAListThatIsThereTwice) {
  EXPECT_EQ(read_list(R"({"workers":[1],"workers":[2]})", "workers"),
            "schema: /workers: expected one array");
}

TEST(JsonDecodeList, SaysThatABodyIsNotJsonBeforeItsShapeMatters) {
  EXPECT_EQ(read_list(R"({"workers":3,"a":tru})", "workers"), kBadToken);
}

/// A record over {"x": <json>} and the notes that it takes.
struct Field {
  explicit Field(const std::string& json) : value(decode(R"({"x":)" + json + "}").value()) {}

  Record record() { return {&value, "/workers/3", skipped}; }
  /// The first bad field, or empty.
  [[nodiscard]] std::string note() const {
    return skipped.first[static_cast<std::size_t>(Skip::bad_field)];
  }
  [[nodiscard]] std::uint64_t bad() const {
    return skipped.counts[static_cast<std::size_t>(Skip::bad_field)];
  }

  Document value;
  Skipped skipped{};
};

template <typename T>
struct Case {
  const char* json;
  T expected;
};

template <typename T, typename Get>
void expect_read(const std::vector<Case<T>>& cases, const Get& get) {
  for (const auto& [json, expected] : cases) {
    Field field{json};
    EXPECT_EQ(get(field.record()), expected) << json;
    EXPECT_EQ(field.note(), "") << json;
  }
}

template <typename Get>
void expect_refused(const std::vector<const char*>& cases, const std::string& note,
                    const Get& get) {
  for (const auto* json : cases) {
    Field field{json};
    EXPECT_EQ(get(field.record()), decltype(get(field.record())){}) << json;
    EXPECT_EQ(field.note(), "/workers/3/x: expected " + note) << json;
    EXPECT_EQ(field.bad(), 1u) << json;
  }
}

TEST(JsonRecord, NullAndAbsentAreTheSame) {
  Skipped skipped;
  const auto value = decode(R"({"x":null})").value();
  for (const Value* object :
       {static_cast<const Value*>(&value), static_cast<const Value*>(nullptr)}) {
    const Record record{object, "", skipped};
    EXPECT_FALSE(record.has("x"));
    EXPECT_EQ(record.text("x"), "");
    EXPECT_EQ(record.id("x"), "");
    EXPECT_EQ(record.number("x"), std::nullopt);
    EXPECT_EQ(record.amount("x"), std::nullopt);
    EXPECT_EQ(record.count("x"), std::nullopt);
    EXPECT_EQ(record.boolean("x"), std::nullopt);
    EXPECT_EQ(record.time("x"), std::nullopt);
    EXPECT_EQ(record.array("x"), nullptr);
    EXPECT_FALSE(record.object("x").has("y"));
  }
  EXPECT_EQ(skipped, Skipped{});
}

TEST(JsonRecord, Text) {
  const auto get = [](const Record& record) { return record.text("x"); };
  expect_read<std::string>({{R"(" a b\n")", "a b"}, {R"("")", ""}, {R"("  ")", ""}}, get);
  expect_refused({"1", "true", "[]", "{}"}, "a string", get);
}

TEST(JsonRecord, Word) {
  const auto get = [](const Record& record) { return record.word("x"); };
  expect_read<std::string>({{R"(" RUNNING ")", "running"}, {R"("Ä_1")", "Ä_1"}}, get);
  expect_refused({"1", "true"}, "a string", get);
}

TEST(JsonRecord, Id) {
  const auto get = [](const Record& record) { return record.id("x"); };
  expect_read<std::string>({{R"(" a ")", "a"},
                            {"12", "12"},
                            {"123456789012345678901234567890", "123456789012345678901234567890"}},
                           get);
  expect_refused({"1.5", "1e3", "true", "[]", "{}"}, "a string or an integer", get);
}

// A label is cut, and a path loses its dots: neither would be the record's own name any more.
TEST(JsonRecord, WhatCannotNameARecordIsNoId) {
  const auto get = [](const Record& record) { return record.id("x"); };
  const auto longest = std::string(kMaxIdBytes, 'a');
  const auto quoted = '"' + longest + '"';
  expect_read<std::string>({{quoted.c_str(), longest}, {R"("...")", "..."}}, get);
  const auto longer = '"' + longest + "b\"";
  const auto digits = std::string(kMaxIdBytes + 1, '1');
  expect_refused({longer.c_str(), digits.c_str(), R"(".")", R"(" .. ")"}, "an id", get);
}

TEST(JsonRecord, AWordIsNoLongerThanALabel) {
  const auto get = [](const Record& record) { return record.word("x"); };
  const auto longer = '"' + std::string(kMaxIdBytes + 1, 'a') + '"';
  expect_refused({longer.c_str()}, "a word", get);
}

TEST(JsonRecord, Number) {
  const auto get = [](const Record& record) { return record.number("x"); };
  expect_read<std::optional<double>>(
      {{"1.5", 1.5},
       {"-2", -2.0},
       {"\"0.74\"", 0.74},
       {"\" 3 \"", 3.0},
       {"123456789012345678901234567890", 123456789012345678901234567890.0},
       {"-1e100", -1e100}},
      get);
  expect_refused({"1e999", "1.1e100", "-1e308", "\"NaN\"", "\"inf\"", "\"0x10\"", "\"+1\"",
                  "\"free\"", "\"1,5\"", "\"\"", "true", "[]", "{}"},
                 "a number", get);
}

TEST(JsonRecord, Amount) {
  const auto get = [](const Record& record) { return record.amount("x"); };
  expect_read<std::optional<double>>({{"0", 0.0}, {"0.5", 0.5}, {"\"0.5\"", 0.5}}, get);
  expect_refused({"-1", "\"-0.1\""}, "a number that is not negative", get);
  Field negative_zero{"-0"};
  EXPECT_FALSE(std::signbit(negative_zero.record().amount("x").value()));
}

TEST(JsonRecord, Count) {
  const auto get = [](const Record& record) { return record.count("x"); };
  expect_read<std::optional<std::int64_t>>(
      {{"0", 0}, {"3", 3}, {"\"3\"", 3}, {"3.0", 3}, {"1e3", 1000}}, get);
  expect_refused({"1.5", "\"1.5\"", "1e18"}, "a whole number", get);
  expect_refused({"-1"}, "a number that is not negative", get);
  expect_refused({"\"three\"", "true"}, "a number", get);
}

TEST(JsonRecord, Boolean) {
  const auto get = [](const Record& record) { return record.boolean("x"); };
  expect_read<std::optional<bool>>(
      {{"true", true}, {"false", false}, {"\"true\"", true}, {"\" False \"", false}}, get);
  expect_refused({"1", "0", "\"yes\"", "\"\"", "[]", "{}"}, "true or false", get);
}

TEST(JsonRecord, TimeInAnyForm) {
  const auto get = [](const Record& record) { return record.time("x"); };
  const Time moment{1786052551705ms};
  expect_read<std::optional<Time>>({{"\"2026-08-06T21:42:31.705Z\"", moment},
                                    {"\"2026-08-06 21:42:31.705 +0000 UTC\"", moment},
                                    {"1786052551.705", moment},
                                    {"\"1786052551.705\"", moment}},
                                   get);
}

TEST(JsonRecord, ATimeThatHasNotComeIsAbsentAndNotWrong) {
  const auto get = [](const Record& record) { return record.time("x"); };
  expect_read<std::optional<Time>>({{"0", std::nullopt},
                                    {"0.0", std::nullopt},
                                    {"-1", std::nullopt},
                                    {"\"\"", std::nullopt},
                                    {"\" \"", std::nullopt},
                                    {"\"0001-01-01T00:00:00Z\"", std::nullopt}},
                                   get);
  expect_refused({"\"yesterday\"", "1e20", "1e999", "true", "[]", "{}"}, "a time", get);
}

TEST(JsonRecord, ObjectsAndArraysKnowWhereTheyStand) {
  const auto value = decode(R"({"a/b":{"c":"x","d":7},"e":[1],"f":3})").value();
  Skipped skipped;
  const Record record{&value, "/0", skipped};
  EXPECT_EQ(record.object("a/b").text("c"), "x");
  ASSERT_NE(record.array("e"), nullptr);
  EXPECT_EQ(dump(*record.array("e")), "[1]");
  EXPECT_EQ(skipped, Skipped{});

  EXPECT_EQ(record.object("a/b").text("d"), "");
  EXPECT_FALSE(record.object("f").has("c"));
  EXPECT_EQ(record.array("f"), nullptr);
  Skipped expected;
  expected.add(Skip::bad_field, "/0/a~1b/d: expected a string");
  expected.add(Skip::bad_field, "/0/f: expected an object");
  expected.add(Skip::bad_field, "/0/f: expected an array");
  EXPECT_EQ(skipped, expected);
}

TEST(JsonIdentify, WhatIsNoObjectOrHasNoIdIsNotedAndLeftOut) {
  Skipped skipped;
  std::vector<std::string> found;
  const auto root =
      decode(R"({"list":[7,{"x":"a"},{"id":true},{"id":12,"x":"b"}]})", "list",
             [&](const std::string& path, const Value& value) {
               if (const auto one = identify(value, path, skipped)) {
                 found.push_back(std::string{one->id} + std::string{one->record.text("x")});
               }
             });
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(found, std::vector<std::string>{"12b"});
  Skipped expected;
  expected.add(Skip::not_object, "/list/0: expected an object");
  expected.add(Skip::no_id, "/list/1/id: expected an id");
  expected.add(Skip::bad_field, "/list/2/id: expected a string or an integer");
  expected.add(Skip::no_id, "/list/2/id: expected an id");
  EXPECT_EQ(skipped, expected);
}

}  // namespace
}  // namespace serverless::json
