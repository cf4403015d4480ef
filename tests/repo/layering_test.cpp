// Who may include whom, which library has which door, and where a clock is read.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/registry.hpp"
#include "tests/repo/tree_fixture.hpp"

namespace serverless::repo {
namespace {

constexpr std::array<std::string_view, 4> kRooms{"config", "collectors", "daemon", "simulator"};

/// The files that may include a library, each with its parts, and how its headers begin.
struct Door {
  std::string_view library{};
  std::string_view header{};
  std::vector<std::string_view> files{};
};

const std::vector<Door> kDoors{
    {"toml++", "toml", {"config/load.cpp"}},
    {"simdjson", "simdjson", {"collectors/json.cpp", "simulator/provider.cpp"}},
    {"curl", "curl/", {"daemon/curl_http.cpp"}},
    {"libmicrohttpd", "microhttpd", {"daemon/server.cpp", "simulator/server.cpp"}},
    {"GnuTLS", "gnutls/gnutls", {"daemon/tls.cpp"}},
    {"GnuTLS's certificates", "gnutls/x509", {"daemon/tls.cpp"}},
    {"GnuTLS's hashes", "gnutls/crypto", {"daemon/keyed_hash.cpp"}},
    {"libxcrypt", "crypt.h", {"daemon/users.cpp"}},
    {"libsystemd", "systemd/", {"daemon/listen.cpp", "daemon/supervisor.cpp"}},
    {"ISA-L", "isa-l/", {"daemon/deflate.cpp"}},
    {"zlib", "zlib", {"daemon/deflate.cpp"}},
    {"nlohmann json",
     "nlohmann/",
     {"daemon/api.cpp", "daemon/membership.cpp", "daemon/passed.cpp"}},
    {"spdlog", "spdlog/", {"daemon/log.cpp"}},
    {"prometheus-cpp", "prometheus/", {"daemon/self.cpp"}},
};

constexpr std::array<std::string_view, 9> kClocks{
    "system_clock::now", "steady_clock::now", "high_resolution_clock::now",
    "clock_gettime",     "gettimeofday",      "timespec_get",
    "time(nullptr)",     "time(NULL)",        "read_clock("};

/// Files that may read a clock, without their ending.
const std::set<std::string, std::less<>> kShell{
    "daemon/access", "daemon/clock", "daemon/mailbox", "daemon/dispatcher", "daemon/app",
    "daemon/store", "daemon/routes", "daemon/main", "daemon/demo", "daemon/server_exchange",
    "daemon/server_listener", "daemon/curl_http", "daemon/etcd", "daemon/cluster",
    "daemon/supervisor", "daemon/process",
    // The outside world has a time of its own.
    "simulator/world", "simulator/server", "simulator/main"};

const std::set<std::string, std::less<>> kDrawers{"util",    "utils",  "utility", "common",
                                                  "helpers", "helper", "misc"};

struct Include {
  std::size_t line = 0;
  std::string header{};
  bool ours = false;  ///< In quotes.
};

std::string room_of(std::string_view path) { return std::string{path.substr(0, path.find('/'))}; }

std::string without_ending(std::string_view path) {
  return std::string{path.substr(0, path.rfind('.'))};
}

bool is_room(std::string_view name) {
  return std::find(kRooms.begin(), kRooms.end(), name) != kRooms.end();
}

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> includes;
  std::size_t number = 0;
  for (const auto& line : lines_of(text)) {
    ++number;
    if (!trim(line).starts_with("#include")) continue;
    const auto open = line.find_first_of("\"<");
    const auto close = line.find_last_of("\">");
    if (open == std::string::npos || close <= open) continue;
    includes.push_back({number, line.substr(open + 1, close - open - 1), line[open] == '"'});
  }
  return includes;
}

/// The providers are what the registry includes.
std::vector<std::string> providers_of(const Tree& tree) {
  std::vector<std::string> providers;
  const auto registry = tree.find("collectors/registry.cpp");
  if (registry == tree.end()) return providers;
  for (const auto& include : includes_of(registry->second)) {
    const auto name = without_ending(include.header);
    if (include.ours && name != "collectors/registry" && name != "collectors/collector") {
      providers.push_back(name.substr(name.find('/') + 1));
    }
  }
  return providers;
}

/// What a room may include of the others.
bool may_include(const std::string& room, const std::string& header) {
  const auto other = room_of(header);
  if (room == other) return true;
  if (room == "collectors") return header == "config/config.hpp";
  return room == "daemon" && other != "simulator" && is_room(other);
}

class Checker {
 public:
  explicit Checker(const Tree& tree) : tree_(tree), providers_(providers_of(tree)) {}

  std::vector<std::string> run() {
    for (const auto& [path, text] : tree_) {
      check_name(path);
      if (!is_room(room_of(path))) continue;
      if (path.ends_with(".hpp")) check_guard(path, text);
      for (const auto& include : includes_of(text)) check_include(path, include);
      check_clocks(path, text);
    }
    return std::move(found_);
  }

 private:
  void report(std::string_view path, std::size_t line, std::string_view what) {
    found_.push_back(fmt::format("{}:{}: {}", path, line, what));
  }

  void check_name(const std::string& path) {
    auto rest = without_ending(path);
    for (std::size_t end = 0; end != std::string::npos;) {
      end = rest.find('/');
      if (kDrawers.contains(rest.substr(0, end))) {
        found_.push_back(path + ": a file is named for its idea");
        return;
      }
      rest = end == std::string::npos ? "" : rest.substr(end + 1);
    }
  }

  void check_guard(const std::string& path, const std::string& text) {
    const auto lines = lines_of(text);
    if (lines.empty() || lines.front() != "#pragma once") {
      report(path, 1, "a header begins with #pragma once");
    }
  }

  void check_include(const std::string& path, const Include& include) {
    if (include.ours) {
      check_arrow(path, include);
    } else {
      check_door(path, include);
    }
  }

  void check_arrow(const std::string& path, const Include& include) {
    const auto room = room_of(path);
    if (!is_room(room_of(include.header))) {
      report(path, include.line,
             fmt::format("\"{}\" is not written from the project's root", include.header));
    } else if (!may_include(room, include.header)) {
      report(path, include.line, fmt::format("{} may not include {}", room, include.header));
    } else if (const auto known = provider_included(include.header);
               known && path != "collectors/registry.cpp" && !is_part_of(path, *known)) {
      report(path, include.line,
             fmt::format("provider {} is known to collectors/registry.cpp only", *known));
    } else if (include.header == "collectors/runpod_queue.hpp" &&
               !path.starts_with("collectors/runpod")) {
      report(path, include.line, "runpod_queue is shared by the two RunPods only");
    }
  }

  void check_door(const std::string& path, const Include& include) {
    for (const auto& door : kDoors) {
      if (!include.header.starts_with(door.header)) continue;
      if (std::none_of(door.files.begin(), door.files.end(),
                       [&](std::string_view file) { return is_of_door(path, file); })) {
        report(path, include.line,
               fmt::format("{} has one door, {}", door.library, door_of(door, room_of(path))));
      }
    }
  }

  // "server_answer.cpp" is a part of "server.cpp".
  static bool is_of_door(const std::string& path, std::string_view file) {
    return path == file || (path.starts_with(without_ending(file) + "_") && path.ends_with(".cpp"));
  }

  // The door of the same program.
  static std::string_view door_of(const Door& door, const std::string& room) {
    const bool outside = room == "simulator";
    return outside ? door.files.back() : door.files.front();
  }

  void check_clocks(const std::string& path, const std::string& text) {
    if (kShell.contains(without_ending(path))) return;
    std::size_t number = 0;
    for (const auto& line : lines_of(text)) {
      ++number;
      const auto code = std::string_view{line}.substr(0, line.find("//"));
      for (const auto clock : kClocks) {
        if (code.find(clock) != std::string_view::npos) {
          report(path, number, fmt::format("{} outside of the shell", clock));
        }
      }
    }
  }

  [[nodiscard]] std::optional<std::string> provider_included(const std::string& header) const {
    const auto name = without_ending(header);
    for (const auto& provider : providers_) {
      if (name == "collectors/" + provider) return provider;
    }
    return std::nullopt;
  }

  // "vast_parse.cpp" is a part of vast; "runpod_v1.cpp" is no part of runpod, but a provider.
  [[nodiscard]] bool is_part_of(const std::string& path, const std::string& provider) const {
    std::string best;
    const auto name = without_ending(path);
    for (const auto& other : providers_) {
      const auto stem = "collectors/" + other;
      if ((name == stem || name.starts_with(stem + "_")) && other.size() > best.size()) {
        best = other;
      }
    }
    return best == provider && name != "collectors/runpod_queue";
  }

  const Tree& tree_;
  std::vector<std::string> providers_;
  std::vector<std::string> found_{};
};

/// What is wrong with these files, "path:line: what", by path.
std::vector<std::string> check_layering(const Tree& tree) { return Checker(tree).run(); }

using Found = std::vector<std::string>;

/// A small project in order, with one file more.
Found check_with(const std::string& path, const std::string& text) {
  Tree tree{{"config/config.hpp", "#pragma once\n\n#include <string>\n"},
            {"collectors/registry.cpp",
             "#include \"collectors/registry.hpp\"\n#include \"collectors/runpod.hpp\"\n"
             "#include \"collectors/runpod_v1.hpp\"\n#include \"collectors/vast.hpp\"\n"},
            {"collectors/vast_parse.cpp", "#include \"collectors/vast.hpp\"\n"},
            {"collectors/runpod_v1.cpp", "#include \"collectors/runpod_queue.hpp\"\n"},
            {"daemon/app.cpp", "#include \"config/load.hpp\"\nauto t = read_clock();\n"},
            {"daemon/server.cpp", "#include <microhttpd.h>\n"},
            {"simulator/server.cpp", "#include <microhttpd.h>\n"}};
  tree[path] = text;
  return check_layering(tree);
}

TEST(Layering, AProjectInOrderHasNothingToReport) {
  EXPECT_EQ(check_with("collectors/http.hpp",
                       "#pragma once\n#include \"config/config.hpp\"\n// not time(nullptr)\n"),
            Found{});
}

TEST(Layering, RoomsKnowOnlyWhatTheyMay) {
  EXPECT_EQ(check_with("config/load.cpp", "\n#include \"collectors/registry.hpp\"\n"),
            Found{"config/load.cpp:2: config may not include collectors/registry.hpp"});
  EXPECT_EQ(check_with("collectors/http.cpp", "#include \"config/load.hpp\"\n"),
            Found{"collectors/http.cpp:1: collectors may not include config/load.hpp"});
  EXPECT_EQ(check_with("collectors/http.cpp", "#include \"daemon/state.hpp\"\n"),
            Found{"collectors/http.cpp:1: collectors may not include daemon/state.hpp"});
  EXPECT_EQ(check_with("daemon/plan.cpp", "#include \"simulator/world.hpp\"\n"),
            Found{"daemon/plan.cpp:1: daemon may not include simulator/world.hpp"});
  EXPECT_EQ(check_with("simulator/world.cpp", "#include \"config/config.hpp\"\n"),
            Found{"simulator/world.cpp:1: simulator may not include config/config.hpp"});
}

TEST(Layering, NobodyIncludesTestsOrBesideThePaths) {
  EXPECT_EQ(check_with("daemon/plan.cpp", "#include \"tests/fakes/fake_http.hpp\"\n"),
            Found{"daemon/plan.cpp:1: \"tests/fakes/fake_http.hpp\" is not written from the "
                  "project's root"});
  EXPECT_EQ(check_with("daemon/plan.cpp", "#include \"../config/config.hpp\"\n"),
            Found{"daemon/plan.cpp:1: \"../config/config.hpp\" is not written from the project's "
                  "root"});
  EXPECT_EQ(check_with("daemon/plan.cpp", "#include \"plan.hpp\"\n"),
            Found{"daemon/plan.cpp:1: \"plan.hpp\" is not written from the project's root"});
}

TEST(Layering, ProvidersDoNotKnowEachOther) {
  EXPECT_EQ(check_with("collectors/runpod.cpp", "#include \"collectors/vast.hpp\"\n"),
            Found{"collectors/runpod.cpp:1: provider vast is known to collectors/registry.cpp "
                  "only"});
  EXPECT_EQ(
      check_with("collectors/runpod_v1.hpp", "#pragma once\n#include \"collectors/runpod.hpp\"\n"),
      Found{"collectors/runpod_v1.hpp:2: provider runpod is known to "
            "collectors/registry.cpp only"});
  EXPECT_EQ(check_with("collectors/runpod_queue.cpp", "#include \"collectors/runpod.hpp\"\n"),
            Found{"collectors/runpod_queue.cpp:1: provider runpod is known to "
                  "collectors/registry.cpp only"});
  EXPECT_EQ(check_with("daemon/metrics.cpp", "#include \"collectors/vast.hpp\"\n"),
            Found{"daemon/metrics.cpp:1: provider vast is known to collectors/registry.cpp only"});
  EXPECT_EQ(check_with("collectors/vast.cpp", "#include \"collectors/runpod_queue.hpp\"\n"),
            Found{"collectors/vast.cpp:1: runpod_queue is shared by the two RunPods only"});
}

TEST(Layering, EachLibraryHasOneDoor) {
  EXPECT_EQ(check_with("config/table.hpp", "#pragma once\n#include <toml++/toml.h>\n"),
            Found{"config/table.hpp:2: toml++ has one door, config/load.cpp"});
  EXPECT_EQ(check_with("collectors/den.cpp", "#include <simdjson.h>\n"),
            Found{"collectors/den.cpp:1: simdjson has one door, collectors/json.cpp"});
  EXPECT_EQ(check_with("simulator/text.cpp", "#include <simdjson.h>\n"),
            Found{"simulator/text.cpp:1: simdjson has one door, simulator/provider.cpp"});
  EXPECT_EQ(check_with("daemon/keys.cpp", "#include <curl/curl.h>\n"),
            Found{"daemon/keys.cpp:1: curl has one door, daemon/curl_http.cpp"});
  EXPECT_EQ(check_with("daemon/routes.cpp", "#include <microhttpd.h>\n"),
            Found{"daemon/routes.cpp:1: libmicrohttpd has one door, daemon/server.cpp"});
  EXPECT_EQ(check_with("daemon/server_answer.cpp", "#include <microhttpd.h>\n"), Found{})
      << "a part of the door";
  EXPECT_EQ(check_with("daemon/server_answer.hpp", "#pragma once\n#include <microhttpd.h>\n"),
            Found{"daemon/server_answer.hpp:2: libmicrohttpd has one door, daemon/server.cpp"});
  EXPECT_EQ(check_with("daemon/main.cpp", "#include <spdlog/spdlog.h>\n"),
            Found{"daemon/main.cpp:1: spdlog has one door, daemon/log.cpp"});
  EXPECT_EQ(check_with("daemon/log.cpp", "#include <nlohmann/json.hpp>\n"),
            Found{"daemon/log.cpp:1: nlohmann json has one door, daemon/api.cpp"});
  EXPECT_EQ(check_with("daemon/render.cpp", "#include <prometheus/registry.h>\n"),
            Found{"daemon/render.cpp:1: prometheus-cpp has one door, daemon/self.cpp"});
}

TEST(Layering, ClocksAreReadInTheShell) {
  for (const auto clock : kClocks) {
    const auto planted =
        fmt::format("\nauto now = {}{};\n", clock, clock.ends_with('(') ? ")" : "");
    for (const std::string path : {"config/load.cpp", "collectors/den.cpp", "daemon/reconcile.cpp",
                                   "daemon/pulses.cpp", "simulator/fleet.cpp"}) {
      EXPECT_EQ(check_with(path, planted),
                Found{fmt::format("{}:2: {} outside of the shell", path, clock)});
    }
    EXPECT_EQ(check_with("daemon/dispatcher.cpp", planted), Found{});
  }
}

TEST(Layering, EveryHeaderIsGuarded) {
  EXPECT_EQ(check_with("daemon/plan.hpp", "#ifndef PLAN\n"),
            Found{"daemon/plan.hpp:1: a header begins with #pragma once"});
}

TEST(Layering, NoFileIsADrawer) {
  for (const std::string path :
       {"config/util.cpp", "daemon/common.cpp", "tests/helpers/json.cpp", "simulator/misc.txt"}) {
    EXPECT_EQ(check_with(path, ""), Found{path + ": a file is named for its idea"});
  }
}

TEST(Layering, TheTreeIsInOrder) {
  auto tree = read_tree({"config", "collectors", "daemon", "simulator", "tests"}, {".cpp", ".hpp"});
  EXPECT_GT(tree.size(), 100U);
  std::vector<std::string> names;
  for (const auto& provider : providers()) {
    names.emplace_back(provider.name);
    std::replace(names.back().begin(), names.back().end(), '-', '_');
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(providers_of(tree), names) << "what registry.cpp includes, and what its table has";
  for (auto& [path, text] :
       read_tree({"docs", "grafana", "prometheus", "systemd", "debian"}, {""})) {
    tree.emplace(path, "");
  }
  EXPECT_EQ(check_layering(tree), Found{});
}

}  // namespace
}  // namespace serverless::repo
