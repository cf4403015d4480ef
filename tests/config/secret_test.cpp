#include "config/secret.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>

namespace serverless::config {
namespace {

template <typename T, typename = void>
struct IsStreamable : std::false_type {};
template <typename T>
struct IsStreamable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<T>())>>
    : std::true_type {};

template <typename A, typename B, typename = void>
struct IsComparable : std::false_type {};
template <typename A, typename B>
struct IsComparable<A, B, std::void_t<decltype(std::declval<A>() == std::declval<B>())>>
    : std::true_type {};

static_assert(IsStreamable<std::string>::value, "the trait works");
static_assert(!IsStreamable<Secret>::value);
static_assert(fmt::is_formattable<std::string>::value, "the trait works");
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Secret>, "a text becomes one on purpose only");
static_assert(IsComparable<Secret, Secret>::value);
static_assert(!IsComparable<Secret, std::string>::value);

TEST(Secret, RevealsWhatItWasGiven) { EXPECT_EQ(Secret("rpa_abc").reveal(), "rpa_abc"); }

TEST(Secret, IsEmptyWithoutAText) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_FALSE(Secret("x").empty());
}

TEST(Secret, EqualsAnotherOfTheSameText) {
  EXPECT_TRUE(Secret("a") == Secret("a"));
  EXPECT_FALSE(Secret("a") == Secret("b"));
}

}  // namespace
}  // namespace serverless::config
