#include "daemon/manual.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "daemon/options.hpp"

namespace serverless::daemon {
namespace {

using testing::HasSubstr;

TEST(Manual, EveryOptionIsInThePageAndInEachCompletion) {
  for (const auto& row : option_rows()) {
    const std::string name(row.name);
    std::string in_roff;
    for (const char c : "--" + name) in_roff += c == '-' ? "\\-" : std::string(1, c);
    EXPECT_THAT(man_page(), HasSubstr("\\fB" + in_roff + "\\fR"));
    EXPECT_THAT(" " + bash_completion(), HasSubstr("--" + name));
    EXPECT_THAT(zsh_completion(), HasSubstr("'*--" + name + (row.argument.empty() ? "[" : "=[")));
    EXPECT_THAT(fish_completion(), HasSubstr(" -l " + name + " -d "));
  }
}

TEST(Manual, AnArgumentIsAFileOrOneOfItsWords) {
  EXPECT_THAT(bash_completion(), HasSubstr("--log.level)\n      mapfile -t COMPREPLY < <(compgen "
                                           "-W 'debug info warn error' -- \"$word\")"));
  EXPECT_THAT(zsh_completion(), HasSubstr(":FILE:_files'"));
  EXPECT_THAT(zsh_completion(), HasSubstr(":FORMAT:(logfmt json)'"));
  EXPECT_THAT(fish_completion(), HasSubstr("-x -a 'logfmt json'\n"));
}

TEST(Manual, EachWordThatIsOfferedIsTaken) {
  for (const auto& row : option_rows()) {
    Options options;
    for (std::string_view words = row.choices; !words.empty();) {
      const auto word = words.substr(0, words.find(' '));
      EXPECT_EQ(row.apply(options, word), "") << row.name << ' ' << word;
      words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
  }
}

}  // namespace
}  // namespace serverless::daemon
