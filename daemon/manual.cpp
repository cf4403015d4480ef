#include "daemon/manual.hpp"

#include <fmt/format.h>

#include <string_view>

#include "daemon/options.hpp"

namespace serverless::daemon {
namespace {

std::string replaced(std::string_view text, char what, std::string_view with) {
  std::string out;
  for (const char c : text) {
    if (c == what) {
      out += with;
    } else {
      out += c;
    }
  }
  return out;
}

// In roff a backslash begins an escape, a '-' may become a hyphen, and a line must not begin by a
// quote or a dot: each text here stands behind \& where it begins a line.
std::string roff(std::string_view text) {
  return replaced(replaced(text, '\\', "\\e"), '-', "\\-");
}

// Within single quotes, where a shell reads nothing.
std::string quoted(std::string_view text) {
  return fmt::format("'{}'", replaced(text, '\'', "'\\''"));
}

// zsh reads brackets and colons in a description.
std::string zsh_text(std::string_view text) {
  return replaced(replaced(replaced(text, '[', "\\["), ']', "\\]"), ':', "\\:");
}

bool is_file(const OptionRow& row) { return row.argument == "FILE"; }

}  // namespace

std::string man_page() {
  std::string out =
      ".TH SERVERLESS_EXPORTER 1\n"
      ".SH NAME\n"
      "serverless_exporter \\- Prometheus metrics of serverless workers\n"
      ".SH SYNOPSIS\n"
      ".B serverless_exporter\n"
      "[\\fIOPTION\\fR...]\n"
      ".SH DESCRIPTION\n"
      "Polls the worker lists of the providers that \\fB\\-\\-list\\-providers\\fR names, and "
      "serves\n"
      "what they say as metrics for Prometheus, and a page for people, at\n"
      "http://127.0.0.1:10042/ until told otherwise.\n"
      ".SH OPTIONS\n";
  for (const auto& row : option_rows()) {
    out += fmt::format(".TP\n\\fB\\-\\-{}\\fR", roff(row.name));
    if (!row.argument.empty()) out += fmt::format(" \\fI{}\\fR", roff(row.argument));
    out += fmt::format("\n\\&{}\n", roff(row.help));
  }
  out +=
      ".SH SIGNALS\n"
      ".TP\n.B SIGHUP\nReads the configuration again. A bad one changes nothing.\n"
      ".TP\n.BR SIGTERM \", \" SIGINT\nEnds it within two seconds.\n"
      ".SH \"EXIT STATUS\"\n"
      ".TP\n.B 0\nIt was told to end.\n"
      ".TP\n.B 1\nAn error; with \\fB\\-\\-once\\fR: some poll failed.\n"
      ".TP\n.B 64\nThe command line is wrong.\n"
      ".TP\n.B 78\nThe configuration is wrong, or a key cannot be read.\n"
      ".SH FILES\n"
      ".TP\n.I /etc/serverless_exporter/config.toml\nThe configuration.\n"
      ".SH \"SEE ALSO\"\n"
      ".BR serverless_exporter.toml (5),\n"
      ".BR serverless_simulator (1)\n";
  return out;
}

std::string bash_completion() {
  std::string names;
  std::string cases;
  for (const auto& row : option_rows()) {
    names += fmt::format("{}--{}", names.empty() ? "" : " ", row.name);
    if (row.argument.empty()) continue;
    const std::string reply = is_file(row)
                                  ? "compgen -f -- \"$word\""
                                  : fmt::format("compgen -W {} -- \"$word\"", quoted(row.choices));
    cases += fmt::format("    --{})\n      mapfile -t COMPREPLY < <({})\n      return\n      ;;\n",
                         row.name, reply);
  }
  return fmt::format(R"(# Completion of serverless_exporter by bash.
_serverless_exporter() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  # --option=word is three words to bash.
  if [ "$word" = = ]; then word=; elif [ "$before" = = ]; then before=${{COMP_WORDS[COMP_CWORD - 2]}}; fi
  case $before in
{}  esac
  mapfile -t COMPREPLY < <(compgen -W '{}' -- "$word")
}}
complete -o filenames -F _serverless_exporter serverless_exporter
)",
                     cases, names);
}

std::string zsh_completion() {
  std::string out = "#compdef serverless_exporter\n_arguments";
  for (const auto& row : option_rows()) {
    // A '=': the argument is what follows one, or the next word.
    std::string spec =
        fmt::format("*--{}{}[{}]", row.name, row.argument.empty() ? "" : "=", zsh_text(row.help));
    if (!row.argument.empty()) {
      spec += fmt::format(":{}:", row.argument);
      if (is_file(row)) spec += "_files";
      if (!row.choices.empty()) spec += fmt::format("({})", row.choices);
    }
    out += fmt::format(" \\\n  {}", quoted(spec));
  }
  return out + "\n";
}

std::string fish_completion() {
  std::string out = "complete -c serverless_exporter -f\n";
  for (const auto& row : option_rows()) {
    out += fmt::format("complete -c serverless_exporter -l {} -d {}", row.name, quoted(row.help));
    if (is_file(row)) {
      out += " -r -F";
    } else if (!row.argument.empty()) {
      out += " -x";
    }
    if (!row.choices.empty()) out += fmt::format(" -a {}", quoted(row.choices));
    out += '\n';
  }
  return out;
}

}  // namespace serverless::daemon
