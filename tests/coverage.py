#!/usr/bin/python3
"""coverage.py [LEAST]: reads what `llvm-cov export` says on standard input, prints how many lines of each
room its tests run, and fails where that is less than LEAST percent (95)."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LEAST = 95.0
# What -ffile-prefix-map makes of the project's folder, as seen from the build's.
BELOW = "./build/coverage/./"


# Beside those that may read a clock: what talks to the system, and what says it to a library for that.
HANDS = {"daemon/files", "daemon/listen", "daemon/log", "daemon/process", "daemon/tls"}


def shell():
    """What is not pure, without its ending. Who may read a clock the layering test has."""
    text = (ROOT / "tests/repo/layering_test.cpp").read_text(encoding="utf-8")
    return HANDS | set(re.findall(r'"(daemon/\w+)"', re.search(r" kShell\{(.*?)\};", text, re.DOTALL)[1]))


def room_of(path, not_pure):
    room = path.parts[0]
    if room == "daemon":
        return "daemon, shell" if str(path.with_suffix("")) in not_pure else "daemon, pure"
    return room


def read(export):
    """room -> {file: (lines, lines that were run)}."""
    rooms, not_pure = {"config": {}, "collectors": {}, "daemon, pure": {}, "daemon, shell": {}}, shell()
    for file in export["data"][0]["files"]:
        path = pathlib.PurePath(file["filename"].removeprefix(BELOW))
        lines = file["summary"]["lines"]
        room = room_of(path, not_pure)
        if room in rooms:
            rooms[room][str(path)] = (lines["count"], lines["covered"])
    # What no program has in it would otherwise be no line at all.
    known = set().union(*rooms.values())
    lost = [str(path.relative_to(ROOT)) for room in ("config", "collectors", "daemon")
            for path in sorted(ROOT.glob(f"{room}/*.cpp")) if str(path.relative_to(ROOT)) not in known]
    if lost:
        sys.exit(f"coverage: nothing is known of {', '.join(lost)}")
    return rooms


def percent(files):
    lines = sum(count for count, _ in files.values())
    return 100 * sum(run for _, run in files.values()) / lines if lines else 0.0


def main():
    least = float(sys.argv[1]) if len(sys.argv) > 1 else LEAST
    failed = []
    for room, files in read(json.load(sys.stdin)).items():
        print(f"{room:<16} {percent(files):6.1f} %  of {sum(count for count, _ in files.values()):5} lines")
        for file, (count, run) in sorted(files.items()):
            if 100 * run < least * count:
                print(f"  {file:<30} {count - run:4} of {count:4} not run")
        # The shell is what the end-to-end tests are for.
        if room != "daemon, shell" and percent(files) < least:
            failed.append(room)
    if failed:
        sys.exit(f"coverage: less than {least:g} %: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
