#include "daemon/options.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace serverless::daemon {
namespace {

tl::expected<Options, std::string> parse(std::initializer_list<std::string_view> arguments) {
  const std::vector<std::string_view> list(arguments);
  return parse_options(list);
}

std::string complaint(std::initializer_list<std::string_view> arguments) {
  const auto result = parse(arguments);
  return result ? "no complaint" : result.error();
}

TEST(Options, NoArgumentsAreTheDefaults) {
  EXPECT_EQ(parse({}), Options{});
  EXPECT_EQ(Options{}.config, "/etc/serverless_exporter/config.toml");
}

TEST(Options, EachFlagSetsItsField) {
  EXPECT_EQ(parse({"--check-config"}), Options{.check_config = true});
  EXPECT_EQ(parse({"--once"}), Options{.once = true});
  EXPECT_EQ(parse({"--list-providers"}), Options{.list_providers = true});
  EXPECT_EQ(parse({"--demo"}), Options{.demo = true});
  EXPECT_EQ(parse({"--web.enable-lifecycle"}), Options{.enable_lifecycle = true});
  EXPECT_EQ(parse({"--version"}), Options{.version = true});
  EXPECT_EQ(parse({"--help"}), Options{.help = true});
}

TEST(Options, AnArgumentStandsAfterAnEqualsSignOrIsTheNextWord) {
  EXPECT_EQ(parse({"--config=a.toml"}), Options{.config = "a.toml"});
  EXPECT_EQ(parse({"--config", "a.toml"}), Options{.config = "a.toml"});
  EXPECT_EQ(parse({"--config=a=b"}), Options{.config = "a=b"});
  EXPECT_EQ(parse({"--config", "--odd"}), Options{.config = "--odd"});
}

TEST(Options, ListenAddressesAddUp) {
  EXPECT_EQ(parse({"--web.listen-address=[::1]:1", "--web.listen-address", "unix:/run/x"}),
            (Options{.listen = {"[::1]:1", "unix:/run/x"}}));
}

TEST(Options, LogLevelsAreWords) {
  using config::LogLevel;
  EXPECT_EQ(parse({"--log.level=debug"}), Options{.log_level = LogLevel::debug});
  EXPECT_EQ(parse({"--log.level=info"}), Options{.log_level = LogLevel::info});
  EXPECT_EQ(parse({"--log.level=warn"}), Options{.log_level = LogLevel::warn});
  EXPECT_EQ(parse({"--log.level=error"}), Options{.log_level = LogLevel::error});
}

TEST(Options, LogFormatsAreWords) {
  EXPECT_EQ(parse({"--log.format=logfmt"}), Options{.log_format = config::LogFormat::logfmt});
  EXPECT_EQ(parse({"--log.format=json"}), Options{.log_format = config::LogFormat::json});
}

TEST(Options, AShardIsAnOrdinalOfSoMany) {
  EXPECT_EQ(parse({"--shard=0/3"}), (Options{.shard = {.ordinal = 0, .count = 3}}));
  EXPECT_EQ(parse({"--shard", "2/3"}), (Options{.shard = {.ordinal = 2, .count = 3}}));
  EXPECT_EQ(parse({"--shard=999/1000"}), (Options{.shard = {.ordinal = 999, .count = 1000}}));
  EXPECT_EQ(parse({"--shard=0/1"}), Options{});
}

TEST(Options, AShardMayBeTheNameOfAPodOrAHostThatEndsWithItsOrdinal) {
  EXPECT_EQ(parse({"--shard=exporter-2/3"}), (Options{.shard = {.ordinal = 2, .count = 3}}));
  EXPECT_EQ(parse({"--shard=gpu-west-10/12"}), (Options{.shard = {.ordinal = 10, .count = 12}}));
}

TEST(Options, SeveralGoTogetherAndTheLastWins) {
  EXPECT_EQ(parse({"--config=a", "--once", "--config=b"}), (Options{.config = "b", .once = true}));
}

TEST(Options, EveryMistakeIsOneSentence) {
  EXPECT_EQ(complaint({"serve"}), "'serve' is not an option; see --help");
  EXPECT_EQ(complaint({"-h"}), "'-h' is not an option; see --help");
  EXPECT_EQ(complaint({""}), "'' is not an option; see --help");
  EXPECT_EQ(complaint({"--confg=x"}), "unknown option --confg; see --help");
  EXPECT_EQ(complaint({"--"}), "unknown option --; see --help");
  EXPECT_EQ(complaint({"--once=yes"}), "--once takes no argument");
  EXPECT_EQ(complaint({"--once="}), "--once takes no argument");
  EXPECT_EQ(complaint({"--config"}), "--config needs an argument: FILE");
  EXPECT_EQ(complaint({"--web.listen-address"}), "--web.listen-address needs an argument: ADDRESS");
  EXPECT_EQ(complaint({"--shard"}), "--shard needs an argument: ORDINAL/SHARDS");
  for (const std::string_view wrong :
       {"3", "a/3", "0/a", "0/", "/3", "-1/", "1.0/3", " 0/3", "0/3 ", "0/3/3", "exporter/3",
        "exporter-/3", "exporter2/3", "0x1/3", "+1/3", "99999999999/3", "$(POD_NAME)/3"}) {
    EXPECT_EQ(complaint({"--shard", wrong}),
              fmt::format("--shard: expected ORDINAL/SHARDS, as in 0/3 or exporter-0/3, not '{}'",
                          wrong));
  }
  EXPECT_EQ(complaint({"--shard=0/0"}), "--shard: expected 1 to 1000 shards, not '0/0'");
  EXPECT_EQ(complaint({"--shard=0/1001"}), "--shard: expected 1 to 1000 shards, not '0/1001'");
  EXPECT_EQ(complaint({"--shard=3/3"}),
            "--shard: expected an ordinal from 0 to 2 of 3 shards, not '3/3'");
  EXPECT_EQ(complaint({"--log.level=loud"}),
            "--log.level: expected debug, info, warn or error, not 'loud'");
  EXPECT_EQ(complaint({"--log.level", "WARN"}),
            "--log.level: expected debug, info, warn or error, not 'WARN'");
  EXPECT_EQ(complaint({"--log.format=xml"}), "--log.format: expected logfmt or json, not 'xml'");
}

TEST(Options, TheFirstMistakeIsTold) {
  EXPECT_EQ(complaint({"--once", "--odd", "word"}), "unknown option --odd; see --help");
}

TEST(Options, WinOverTheConfigurationWhereTheyAreGiven) {
  config::Config config;
  config.web.listen = {"127.0.0.1:1"};
  config.log.level = config::LogLevel::warn;
  const auto untouched = config;
  EXPECT_EQ(apply({}, config), "");
  EXPECT_EQ(config.web.listen, untouched.web.listen);
  EXPECT_EQ(config.web.enable_lifecycle, untouched.web.enable_lifecycle);
  EXPECT_EQ(config.log.level, untouched.log.level);
  EXPECT_EQ(config.log.format, untouched.log.format);
  EXPECT_EQ(apply({.enable_lifecycle = true,
                   .listen = {"[::1]:2"},
                   .log_level = config::LogLevel::error,
                   .log_format = config::LogFormat::json},
                  config),
            "");
  EXPECT_EQ(config.web.listen, std::vector<std::string>{"[::1]:2"});
  EXPECT_TRUE(config.web.enable_lifecycle);
  EXPECT_EQ(config.log.level, config::LogLevel::error);
  EXPECT_EQ(config.log.format, config::LogFormat::json);
}

TEST(Options, AShardIsNoMemberOfACluster) {
  const config::Config alone;
  config::Config member;
  member.cluster = config::Cluster{.etcd = {"https://a"}};
  const std::string wrong = "--shard and [cluster] both divide the endpoints: use one of them";
  for (auto [options, config, expected] :
       {std::tuple{Options{.shard = {.ordinal = 0, .count = 3}}, member, wrong},
        std::tuple{Options{.shard = {.ordinal = 0, .count = 3}}, alone, std::string()},
        std::tuple{Options{}, member, std::string()}}) {
    const auto before = config;
    EXPECT_EQ(apply(options, config), expected);
    EXPECT_EQ(config, before);
  }
}

TEST(Options, OncePollsByItselfWhateverTheClusterIs) {
  config::Config config;
  config.cluster = config::Cluster{.etcd = {"https://a"}};
  EXPECT_EQ(apply({.once = true, .shard = {.ordinal = 1, .count = 3}}, config), "");
  EXPECT_EQ(config, config::Config{});
}

TEST(Help, ListsEveryRowWithItsArgumentAndItsMeaning) {
  const std::string help = help_text();
  EXPECT_EQ(option_rows().size(), 12U);
  for (const auto& row : option_rows()) {
    std::string left = "  --" + std::string(row.name);
    if (!row.argument.empty()) left += " " + std::string(row.argument);
    left.resize(std::max<std::size_t>(left.size(), 32), ' ');
    EXPECT_NE(help.find(left + " " + std::string(row.help) + "\n"), std::string::npos) << left;
  }
}

TEST(Help, BeginsWithWhatTheProgramIs) {
  EXPECT_TRUE(
      help_text().starts_with("serverless_exporter: Prometheus metrics of fleets of serverless "
                              "workers\n\n  --config FILE "));
}

}  // namespace
}  // namespace serverless::daemon
