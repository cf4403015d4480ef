#!/usr/bin/python3
"""mutate.py [--every N]: changes one thing of one rule at a time, and expects its tests to notice.

A mutant that no test kills has to be in survivors.yml, with the reason why it may live; one that is
listed and is killed, or does not exist any more, is an error as well. With --every N only each Nth mutant
is tried.
"""

import argparse
import collections
import concurrent.futures
import copy
import dataclasses
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).parent
RULES = HERE.parent.parent / "prometheus" / "serverless_exporter.rules.yml"
RECORDED_TEST = HERE / "recorded_test.yml"

COMPARISONS = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "=="}
AGGREGATIONS = {
    "max": ("min", "sum"), "min": ("max", "sum"), "sum": ("max", "count"),
    "count": ("sum", "max"), "avg": ("max", "min"),
    "avg_over_time": ("max_over_time", "min_over_time"), "increase": ("count_over_time",),
    "clamp_min": ("clamp_max",),
}
SET_OPERATORS = {"and": ("or", "unless"), "or": ("and",), "unless": ("and",)}
ARITHMETIC = {"/": "*", "*": "/", "-": "+"}
MATCHERS = {"=": "!=", "!=": "=", "=~": "!~"}

# One alternative a kind of token; what stands in quotes or braces is not read as anything else.
TOKENS = re.compile(r"""
    (?P<selector>\{[^}]*\})
  | (?P<range>\[[0-9]+[smhd]\]) | (?P<offset>\boffset\s+[0-9]+[smhd]\b)
  | (?P<grouping>\b(?:on|ignoring|without|by)\s*\([a-z_,\s]*\))
  | (?P<word>\b[a-z_]+\b(?!:)(?!\{)) | (?P<name>[a-z_]*:[a-z_:]+|[a-z_]+(?=\{))
  | (?P<comparison>[<>=!]=|[<>]) | (?P<number>\b[0-9]+(?:\.[0-9]+)?\b) | (?P<arithmetic>[-/*])
""", re.VERBOSE)


@dataclasses.dataclass(frozen=True)
class Mutant:
    rule: int  # Its place among all rules.
    name: str  # Unique.
    change: dict  # Keys of the rule with their new values; None: without it.


def seconds(duration):
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]


def scaled(text):
    """A duration inside the text twice as long, and half as long."""
    found = re.search(r"[0-9]+[smhd]", text)
    length = seconds(found.group())
    return [text.replace(found.group(), f"{int(length * factor)}s") for factor in (2, 0.5)]


def of_selector(text):
    matchers = re.findall(r'([a-z_]+)(=~|!=|=)"([^"]*)"', text)
    for i, (label, operator, value) in enumerate(matchers):
        def with_matcher(*new):
            kept = [*matchers[:i], *new, *matchers[i + 1:]]
            return "{" + ",".join(f'{a}{b}"{c}"' for a, b, c in kept) + "}"
        yield with_matcher()
        yield with_matcher((label, MATCHERS[operator], value))
        parts = value.split("|")
        for part in parts if len(parts) > 1 else []:
            yield with_matcher((label, operator, "|".join(p for p in parts if p != part)))


def of_grouping(text):
    labels = re.findall(r"[a-z_]+", text)[1:]
    for label in labels:
        rest = ", ".join(other for other in labels if other != label)
        yield re.sub(r"\(.*\)", f"({rest})", text)


def of_number(text):
    value = float(text)
    return [f"{new:g}" for new in ((1, -1) if value == 0 else (value * 2, value / 2))]


def of_token(kind, text):
    if kind == "selector":
        return of_selector(text)
    if kind == "grouping":
        return of_grouping(text)
    if kind in ("range", "offset"):
        return scaled(text) + ([""] if kind == "offset" else [])
    if kind == "comparison":
        return [COMPARISONS[text]]
    if kind == "number":
        return of_number(text)
    if kind == "arithmetic":
        return [ARITHMETIC[text]]
    if kind == "word":
        return AGGREGATIONS.get(text, ()) + SET_OPERATORS.get(text, ())
    return []


def of_expression(expression):
    for found in TOKENS.finditer(expression):
        before = found.group()
        nth = expression[:found.start()].count(before) + 1
        for after in of_token(found.lastgroup, before):
            changed = expression[:found.start()] + after + expression[found.end():]
            yield f"{before} -> {after or 'nothing'} (#{nth})", {"expr": changed}


def of_duration(rule, key, step):
    length = seconds(rule[key])
    for new in (length - step, length + step):
        yield f"{key} {rule[key]} -> {new}s", {key: f"{new}s"}
    yield f"without {key}", {key: None}


def of_rule(rule, step):
    yield from of_expression(rule["expr"])
    for key in ("for", "keep_firing_for"):
        if key in rule:
            yield from of_duration(rule, key, step)
    for label in rule.get("labels", {}):
        yield f"label {label} changed", {"labels": {**rule["labels"], label: "mutated"}}
    for key in rule.get("annotations", {}):
        rest = {other: text for other, text in rule["annotations"].items() if other != key}
        yield f"without {key}", {"annotations": rest}


def rules_of(groups):
    return [rule for group in groups for rule in group["rules"]]


@functools.cache
def read(path):
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def test_file(rule):
    if "record" in rule:
        return RECORDED_TEST
    return HERE / "alerts" / (re.sub(r"(?<!^)(?=[A-Z])", "_", rule["alert"]).lower() + "_test.yml")


def mutants_of(groups):
    rules = rules_of(groups)
    names = collections.Counter()
    for place, rule in enumerate(rules):
        title = rule.get("alert", rule.get("record"))
        names[title] += 1
        if names[title] > 1:
            title += f" {names[title]}"
        step = seconds(read(test_file(rule))["evaluation_interval"])
        for what, change in of_rule(rule, step):
            yield Mutant(place, f"{title}: {what}", change)


def reduced(groups, needed):
    """What is recorded, and the needed alerts."""
    kept = []
    for group in groups:
        rules = [rule for rule in group["rules"] if rule.get("alert") in needed or "record" in rule]
        if rules:
            kept.append({"name": group["name"], "rules": rules})
    return kept


def is_killed(groups, mutant):
    groups = copy.deepcopy(groups)
    rule = rules_of(groups)[mutant.rule]
    test = read(test_file(rule))
    for key, value in mutant.change.items():
        if value is None:
            del rule[key]
        else:
            rule[key] = value
    needed = {case["alertname"] for one in test["tests"] for case in one.get("alert_rule_test", [])}
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        # JSON is YAML, and written faster.
        (place / "rules.yml").write_text(json.dumps({"groups": reduced(groups, needed)}))
        (place / "test.yml").write_text(json.dumps({**test, "rule_files": ["rules.yml"]}))
        done = subprocess.run(["promtool", "test", "rules", str(place / "test.yml")],
                              capture_output=True, text=True)
    return done.returncode != 0


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--every", type=int, default=1)
    every = arguments.parse_args().every

    groups = read(RULES)["groups"]
    mutants = list(mutants_of(groups))
    names = [mutant.name for mutant in mutants]
    listed = {name: row["reason"] for row in read(HERE / "survivors.yml")
              for name in row["mutants"]}
    problems = [f"two mutants have one name: {name}"
                for name, count in collections.Counter(names).items() if count > 1]
    problems += [f"listed, but no such mutant: {name}" for name in listed if name not in names]

    # A test that fails without a mutant kills every mutant, and proves nothing.
    unchanged = [Mutant(place, f"unchanged: {test_file(rule).name}", {})
                 for place, rule in enumerate(rules_of(groups))]
    tried = mutants[::every]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        broken = list(pool.map(lambda mutant: is_killed(groups, mutant), unchanged))
        killed = list(pool.map(lambda mutant: is_killed(groups, mutant), tried))
    problems += [f"fails: {mutant.name}" for mutant, fails in zip(unchanged, broken) if fails]
    for mutant, dead in zip(tried, killed):
        if dead and mutant.name in listed:
            problems.append(f"listed, but killed: {mutant.name}")
        elif not dead and mutant.name not in listed:
            problems.append(f"survives: {mutant.name}")

    print(f"mutate: {sum(killed)} of {len(tried)} mutants killed, "
          f"{len(tried) - sum(killed)} live, {len(mutants)} in all")
    for problem in problems:
        print(f"mutate: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
