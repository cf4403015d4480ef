#!/usr/bin/env python3
"""papers.py BUILD: the manual pages and the completions that the package ships, as man and the shells
understand them, against what the program and docs/configuration.md say. Needs BUILD/serverless_manual."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv[1]).resolve()
CONFIGURATION = SOURCE / "docs/configuration.md"
# Narrow columns of a table.
NO_FAULT = re.compile("cannot adjust line|can't break line")

faults = []


def expect(what, wanted, found):
    if wanted != found:
        faults.append(f"{what}: {found}, and not {wanted}")


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, **more)


def options():
    """What --help says: the option, the name of its argument or nothing, what it does."""
    lines = run(BUILD / "serverless_exporter", "--help").stdout.splitlines()
    rows = [re.fullmatch(r"  (--\S+)(?: (\S+))? {2,}(.*)", line) for line in lines if line.startswith("  -")]
    assert rows and all(rows), lines
    return [row.groups() for row in rows]


def rendered(page):
    result = run("man", "--warnings", "-l", page,
                 env=os.environ | {"MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-rHY=0"})
    for line in result.stderr.splitlines():
        if not NO_FAULT.search(line):
            faults.append(f"{page.name}: {line}")
    return " ".join(result.stdout.split())


def check_pages(papers):
    page = rendered(papers / "serverless_exporter.1")
    for name, argument, help_text in options():
        line = " ".join(filter(None, [name, argument, help_text]))
        if line not in page:
            faults.append(f"serverless_exporter(1) does not say: {line}")
    page = rendered(papers / "serverless_exporter.toml.5")
    title = "NAME serverless_exporter.toml - configuration of serverless_exporter DESCRIPTION"
    if title not in page:
        faults.append(f"serverless_exporter.toml(5) does not begin by its name: {page[:200]}")
    # Anything else in the first column is a word of prose.
    keys = re.findall(r"^[|-] `(\w+)[` ]", CONFIGURATION.read_text(), re.M)
    assert len(keys) > 30, keys
    for key in keys:
        if not re.search(rf"(?<!\w){key}(?!\w)", page):
            faults.append(f"serverless_exporter.toml(5) does not name {key}")
    if "](" in page or "<#" in page:
        faults.append("serverless_exporter.toml(5) has links")


def bash(papers, *words):
    script = """source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_serverless_exporter; printf '%s\\n' "${COMPREPLY[@]}" """
    # It splits at '=', and hands that over as a word.
    split = [part for word in words for part in re.split("(=)", word) if part or word == ""]
    out = run("bash", "-eu", "-c", script, "bash", papers / "bash", "serverless_exporter", *split).stdout
    return sorted(out.split())


def fish(papers, *words):
    script = 'source $argv[1]; complete -C "$argv[2]"'
    out = run("fish", "--no-config", "-c", script, "--", papers / "fish",
              " ".join(["serverless_exporter", *words])).stdout
    offered = [line.split("\t")[0] for line in out.splitlines()]
    # It offers all of --option=word.
    return sorted(word.rpartition("=")[2] for word in offered)


# An interactive shell at a terminal of its own: it ends once it has completed, and what it would
# offer is in a file.
ZSH = """zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -D -u
compdef _serverless_exporter serverless_exporter
compadd() {
  local -a hits
  [[ \\"\\$*\\" == *-[OAD]\\ * ]] || { builtin compadd -O hits \\"\\$@\\"; print -rl -- \\$hits >>$2 }
  builtin compadd \\"\\$@\\"
}
finish() { exit }
comppostfuncs=(finish)
bindkey '^I' complete-word"
zpty -w -n shell "$3"$'\\t'
while zpty -r shell line; do :; done
"""


def zsh(papers, *words):
    with tempfile.TemporaryDirectory() as directory:
        os.symlink(papers / "zsh", f"{directory}/_serverless_exporter")
        hits = Path(directory, "hits")
        hits.touch()
        run("zsh", "-f", "-c", ZSH, "zsh", directory, hits,
            " ".join(["serverless_exporter", *words]), env=os.environ | {"TERM": "dumb", "HOME": directory})
        return sorted(filter(None, hits.read_text().splitlines()))


def check_completions(papers):
    names = sorted(name for name, _, _ in options())
    levels = ["debug", "error", "info", "warn"]
    for shell in bash, fish, zsh:
        name = shell.__name__
        expect(f"{name} offers", names, shell(papers, "--"))
        expect(f"{name} offers after another option", names, shell(papers, "--once", "--"))
        expect(f"{name} offers as a level", levels, shell(papers, "--log.level", ""))
        expect(f"{name} offers as a level after '='", levels, shell(papers, "--log.level="))
        expect(f"{name} offers as a format", ["logfmt"], shell(papers, "--log.format", "l"))
        expect(f"{name} offers as an address", [], shell(papers, "--web.listen-address", ""))
        os.chdir(papers)
        expect(f"{name} offers as a file", ["stamp"], shell(papers, "--config", "st"))


with tempfile.TemporaryDirectory() as temporary:
    made = Path(temporary)
    run(SOURCE / "debian/papers.sh", BUILD / "serverless_manual", CONFIGURATION, made)
    check_pages(made)
    check_completions(made)
for fault in faults:
    print(f"papers: {fault}", file=sys.stderr)
sys.exit(1 if faults else 0)
