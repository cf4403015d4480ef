#!/usr/bin/env python3
"""apply.py SOURCE OUT: makes the provider of docs/adding-a-provider.md, by the page's text alone.

A block of code belongs to the file that the line before it names, in backticks and with a colon:
a `diff` block changes that file where its context stands, any other block is the whole file.
OUT/changed has the files that the page makes or changes, OUT/tree the project with them: links, but
for the pages that tests may write. Prints the changed files that the project has.
"""
import os
import pathlib
import re
import shutil
import sys

PAGE = "docs/adding-a-provider.md"
# What the tests of documents read.
PLACES = ["README.md", "collectors", "config", "daemon", "debian", "docs", "grafana", "prometheus",
          "simulator", "systemd", "tests"]
WRITTEN = "tests/golden/"
LEFT_OUT = {"node_modules"}


def fail(what):
    sys.exit(f"{PAGE}: {what}")


def blocks(page):
    """(file, language, text) of each block that belongs to a file."""
    pattern = re.compile(r"^`([\w./-]+)`:\n\n```(\w*)\n(.*?)^```$", re.M | re.S)
    return [match.groups() for match in pattern.finditer(page)]


def patched(name, text, hunks):
    lines = text.split("\n")
    for hunk in hunks.rstrip("\n").split("\n@@\n"):
        rows = hunk.split("\n")
        # An empty line of context loses its blank easily.
        before = [row[1:] for row in rows if row[:1] in (" ", "-", "")]
        after = [row[1:] for row in rows if row[:1] in (" ", "+", "")]
        places = [i for i in range(len(lines) - len(before) + 1)
                  if lines[i:i + len(before)] == before]
        if len(places) != 1:
            fail(f"{name} has this {len(places)} times, and not once:\n" + "\n".join(before))
        lines[places[0]:places[0] + len(before)] = after
    return "\n".join(lines)


def made(source):
    """The text of every file that the page makes or changes."""
    files = {}
    for name, language, text in blocks((source / PAGE).read_text()):
        if language == "diff":
            if not (source / name).is_file():
                fail(f"there is no {name} to change")
            files[name] = patched(name, files.get(name) or (source / name).read_text(), text)
        elif name in files or (source / name).exists():
            fail(f"there is a {name} already")
        else:
            files[name] = text
    if not files:
        fail("no block of code belongs to a file")
    return files


def write(path, text):
    """Leaves a file alone that is the same, so that nothing is compiled anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def names_of(source, place):
    if (source / place).is_file():
        yield place
    for folder, folders, names in os.walk(source / place):
        folders[:] = set(folders) - LEFT_OUT
        for name in names:
            yield str((pathlib.Path(folder) / name).relative_to(source))


def link(source, tree, changed):
    for place in PLACES:
        for name in names_of(source, place):
            if name in changed:
                continue
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name.startswith(WRITTEN):
                shutil.copyfile(source / name, target)
            else:
                target.symlink_to(source / name)


def main():
    source, out = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    files = made(source)
    for path in sorted((out / "changed").rglob("*")):
        if path.is_file() and str(path.relative_to(out / "changed")) not in files:
            path.unlink()
    for name, text in files.items():
        write(out / "changed" / name, text)
    shutil.rmtree(out / "tree", ignore_errors=True)
    link(source, out / "tree", files)
    for name in files:
        target = out / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(out / "changed" / name)
    print("\n".join(name for name in files if (source / name).is_file()))


main()
