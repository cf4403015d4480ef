#!/usr/bin/python3
"""check_rules.py: what promtool does not hold rules to, and what is made of them is what is checked in."""

import difflib
import pathlib
import re
import sys


ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "prometheus"))
import generate  # noqa: E402  (found by the line above)

RUNBOOKS = "https://github.com/serverless-exporter/serverless_exporter/blob/main/docs/runbooks.md#"
DASHBOARD = re.compile(r"http://localhost:3000/d/serverless-(fleet|endpoint|worker|exporter)"
                       r"(\?var-(\w+)=\{\{ \$labels\.\3 \}\}(&var-(\w+)=\{\{ \$labels\.\5 \}\})*)?")
SEVERITIES = {"critical", "warning", "info"}
FOUR_PARTS = ("What it means", "How to see it", "What to do", "When to ignore it")


def seconds(duration):
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def of_alert(rule, down_after):
    name = rule["alert"]
    if not re.fullmatch(r"Serverless([A-Z][a-z]*)+", name):
        yield "is not named Serverless..., in CamelCase"
    if rule["labels"].get("severity") not in SEVERITIES:
        yield f"has no severity of {sorted(SEVERITIES)}"
    if seconds(rule.get("for", "0s")) < 120:
        yield "waits less than two minutes"
    if set(rule["annotations"]) != {"summary", "description", "runbook_url", "dashboard_url"}:
        yield "has not the four annotations"
        return
    if "{{" in rule["annotations"]["summary"] or not rule["annotations"]["summary"].endswith("."):
        yield "has a summary that is no constant sentence"
    if " First: " not in rule["annotations"]["description"]:
        yield "does not say what to do first"
    if rule["annotations"]["runbook_url"] != RUNBOOKS + name.lower():
        yield "does not name its runbook"
    if not DASHBOARD.fullmatch(rule["annotations"]["dashboard_url"]):
        yield "links to no dashboard of ours"
    if any("$value" in text or "{{" in text for text in rule["labels"].values()):
        yield "has a label that changes"
    if "absent(" in rule["expr"]:
        return
    # While it is kept, ServerlessExporterDown takes over.
    if seconds(rule.get("keep_firing_for", "0s")) <= down_after:
        yield "says resolved when the exporter dies"
    if not re.search(r"[<>=!]=|[<>]", rule["expr"]):
        yield "compares nothing"
    # Either it is about one exporter, or it does not matter how many there are.
    if ("$labels.instance" not in rule["annotations"]["description"]
            and not re.search(r"without \(instance, pod\)|\w:serverless_|\bmax by ", rule["expr"])):
        yield "is told by each exporter"
    if "topk" in rule["expr"] or "bottomk" in rule["expr"]:
        yield "fires for whoever is on top"


def of_group(group, seen):
    for rule in group["rules"]:
        name = rule.get("alert", rule.get("record"))
        key = (name, rule["expr"])
        if key in seen:
            yield f"{name}: stands twice"
        seen.add(key)
        if "record" in rule and not re.fullmatch(
                r"(account|endpoint|worker):serverless_\w+:(sum|ratio)", name):
            yield f"{name}: is not level:metric:operation"
        if "record" in rule and "max without (instance, pod)" not in rule["expr"]:
            yield f"{name}: counts a second exporter"


def of_rules(groups):
    """What is wrong with the rules, a sentence each."""
    seen = set()
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    down_after = max(seconds(rule["for"]) for rule in alerts
                     if rule["alert"] == "ServerlessExporterDown")
    for group in groups:
        yield from of_group(group, seen)
    for rule in alerts:
        for problem in of_alert(rule, down_after):
            yield f"{rule['alert']}: {problem}"


def of_runbooks(alerts, text):
    sections = dict(re.findall(r"^## (Serverless\w+)\n(.*?)(?=^## |\Z)", text, re.S | re.M))
    for name in sorted(set(alerts) - set(sections)):
        yield f"docs/runbooks.md: no section for {name}"
    for name in sorted(set(sections) - set(alerts)):
        yield f"docs/runbooks.md: {name} is no alert"
    for name, section in sections.items():
        parts = [part for part in FOUR_PARTS if f"**{part}.**" in section]
        if list(FOUR_PARTS) != parts:
            yield f"docs/runbooks.md: {name} has not the four parts"
    for name, severities, after in re.findall(
            r"^\| \[(\w+)\]\(#\w+\) \| ([^|]+) \| ([^|]+) \|", text, re.M):
        rules = [(rule["labels"]["severity"], rule["for"]) for rule in alerts.get(name, [])]
        told = (severities.strip(), after.strip())
        true = tuple(", ".join(dict.fromkeys(column)) for column in zip(*rules))
        if told != true:
            yield f"docs/runbooks.md: the table says {told} of {name}, the rules {true}"
    for name in set(alerts) - set(re.findall(r"^\| \[(\w+)\]", text, re.M)):
        yield f"docs/runbooks.md: the table lacks {name}"


def of_config():
    """Which labels a site's scraping adds stands in one place."""
    groups = generate.groups_of_mixin("{ targetLabels: 'node' }")
    for rule in (rule for group in groups for rule in group["rules"]):
        if re.search(r"\b(instance|pod)\b", rule["expr"]):
            yield f"{rule.get('alert', rule.get('record'))}: does not ask for targetLabels"


def exporters_in(test):
    """@return the exporters whose series a file of unit tests has, by instance and by pod."""
    return [set(re.findall(rf'\b{label}="([^"]*)"', test)) for label in ("instance", "pod")]


def of_tests(alerts):
    names = {path.name for path in (ROOT / "tests/prometheus/alerts").glob("*.yml")}
    wanted = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() + "_test.yml" for name in alerts}
    for name in sorted(wanted ^ names):
        yield f"tests/prometheus/alerts: {name} is " + ("missing" if name in wanted else "of no alert")
    for name in sorted(wanted & names):
        text = (ROOT / "tests/prometheus/alerts" / name).read_text(encoding="utf-8")
        if any(len(exporters) < 2 for exporters in exporters_in(text)):
            yield f"tests/prometheus/alerts: {name} has not two exporters, in a pod each"


def of_generated(made):
    for name, text in made.items():
        checked_in = (ROOT / "prometheus" / name).read_text(encoding="utf-8")
        difference = "".join(difflib.unified_diff(
            checked_in.splitlines(True), text.splitlines(True), name, "made anew"))
        if difference:
            yield f"run prometheus/generate.py prometheus:\n{difference}"


def planted():
    """Each check finds what is planted for it; without this they might all be blind."""
    good = {"alert": "ServerlessX", "expr": "x > 0", "for": "5m", "keep_firing_for": "10m",
            "labels": {"severity": "info"},
            "annotations": {"summary": "X.", "description": "{{ $labels.instance }}. First: y.",
                            "runbook_url": RUNBOOKS + "serverlessx",
                            "dashboard_url": "http://localhost:3000/d/serverless-fleet"}}
    if list(of_alert(good, 300)):
        yield f"a good alert is reported: {list(of_alert(good, 300))}"
    texts = good["annotations"]
    for change, words in (
            ({"alert": "Serverless_x"}, "CamelCase"), ({"labels": {}}, "severity"),
            ({"for": "1m"}, "two minutes"), ({"annotations": {}}, "four annotations"),
            ({"annotations": {**texts, "summary": "{{ $value }}."}}, "constant sentence"),
            ({"annotations": {**texts, "description": "X."}}, "what to do first"),
            ({"annotations": {**texts, "description": "X. First: y."}}, "each exporter"),
            ({"annotations": {**texts, "runbook_url": RUNBOOKS}}, "its runbook"),
            ({"annotations": {**texts, "dashboard_url": "http://localhost:3000"}}, "dashboard"),
            ({"labels": {"severity": "info", "a": "{{ $value }}"}}, "label that changes"),
            ({"keep_firing_for": "5m"}, "when the exporter dies"),
            ({"expr": "x"}, "compares nothing"), ({"expr": "topk(1, x) > 0"}, "on top")):
        if not any(words in problem for problem in of_alert({**good, **change}, 300)):
            yield f"not reported: {words}"
    for rule, words in (({"record": "x:y", "expr": "max without (instance, pod) (x)"}, "level:metric"),
                        ({"record": "account:serverless_x:sum", "expr": "sum(x)"}, "second")):
        if not any(words in problem for problem in of_group({"rules": [rule]}, set())):
            yield f"not reported: {words}"
    one = 'x{instance="a",pod="a"} x{instance="b",pod="a"}'
    if exporters_in(one) != [{"a", "b"}, {"a"}]:
        yield f"found in a test: {exporters_in(one)}"
    row = "| [ServerlessX](#serverlessx) | info | 5m | x |\n"
    section = "## ServerlessX\n" + "".join(f"**{part}.**" for part in FOUR_PARTS)
    if list(of_runbooks({"ServerlessX": [good]}, row + section)):
        yield "a good runbook is reported"
    for text, words in ((row, "no section"), (section, "table lacks"),
                        (row + section + "\n## ServerlessY\n", "no alert"),
                        (row + "## ServerlessX\n", "four parts"),
                        (row.replace("info", "critical") + section, "the table says")):
        if not any(words in problem for problem in of_runbooks({"ServerlessX": [good]}, text)):
            yield f"not reported: {words}"


def main():
    groups = generate.groups_of_mixin()
    alerts = {}
    for group in groups:
        for rule in group["rules"]:
            if "alert" in rule:
                alerts.setdefault(rule["alert"], []).append(rule)
    runbooks = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
    problems = [*planted(), *of_config(), *of_generated(generate.files(groups)), *of_rules(groups),
                *of_runbooks(alerts, runbooks), *of_tests(alerts)]
    for problem in problems:
        print(f"check_rules: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
