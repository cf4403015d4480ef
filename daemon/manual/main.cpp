// Prints one of the papers that a package ships.

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/manual.hpp"

int main(int argc, char** argv) {
  namespace daemon = serverless::daemon;
  constexpr std::array<std::pair<std::string_view, std::string (*)()>, 4> kPapers{
      {{"man", daemon::man_page},
       {"bash", daemon::bash_completion},
       {"zsh", daemon::zsh_completion},
       {"fish", daemon::fish_completion}}};
  for (const auto& [name, paper] : kPapers) {
    if (argc == 2 && name == argv[1]) return std::fputs(paper().c_str(), stdout) < 0 ? 1 : 0;
  }
  std::fputs("usage: serverless_manual man|bash|zsh|fish\n", stderr);
  return 64;
}
