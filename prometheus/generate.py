#!/usr/bin/python3
"""generate.py DIRECTORY: writes what is loaded (rules, compatible rules, PrometheusRule) from the mixin.

What is beside this file was made so; a test makes it again and compares.
"""

import copy
import json
import pathlib
import subprocess
import sys

import yaml

MIXIN = pathlib.Path(__file__).parent / "mixin" / "mixin.libsonnet"

MADE = "# Made by prometheus/generate.py from prometheus/mixin: change it there.\n"
RULES = MADE + """\
# Recording rules and alerts for serverless_exporter. Needs Prometheus 2.42 or newer (keep_firing_for);
# for others there is serverless_exporter.compat.rules.yml. Why each alert is as it is: docs/runbooks.md.
# The links lead to Grafana at http://localhost:3000; yours:
#   sed -i 's|http://localhost:3000|https://grafana.example.com|' serverless_exporter.rules.yml
"""
COMPAT = MADE + """\
# For engines without keep_firing_for. When an exporter dies, its alerts say "resolved" 5 minutes before
# ServerlessExporterDown fires: do not take it for a recovery.
"""
MANIFEST = MADE + "# For the Prometheus operator: kubectl apply -n monitoring -f prometheusrule.yml\n"


class Dumper(yaml.SafeDumper):
    """Expressions as blocks, texts folded, lists set in: as a person writes them."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def represent(dumper, text):
    style = "|" if "\n" in text else ">" if len(text) > 90 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, represent)


def write(value, comment):
    return comment + yaml.dump(value, Dumper=Dumper, sort_keys=False, width=100,
                               allow_unicode=True)


# As people write a rule; jsonnet sorts keys.
ORDER = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations",
         "summary", "description", "runbook_url", "dashboard_url")


def in_order(value):
    if isinstance(value, list):
        return [in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value, key=lambda key: (ORDER.index(key) if key in ORDER else len(ORDER), key))
    return {key: in_order(value[key]) for key in keys}


def groups_of_mixin(config="{}"):
    """@param config  what a site wants otherwise, in jsonnet."""
    code = (f"local m = (import '{MIXIN}') {{ _config+:: {config} }};"
            "m.prometheusRules.groups + m.prometheusAlerts.groups")
    made = subprocess.run(["jsonnet", "-e", code], check=True, capture_output=True, text=True)
    groups = json.loads(made.stdout)
    return [{"name": group["name"], "rules": in_order(group["rules"])} for group in groups]


def without_keep_firing_for(groups):
    groups = copy.deepcopy(groups)
    for group in groups:
        for rule in group["rules"]:
            rule.pop("keep_firing_for", None)
    return groups


def files(groups):
    """@return the text of each file by its name."""
    return {
        "serverless_exporter.rules.yml": write({"groups": groups}, RULES),
        "serverless_exporter.compat.rules.yml": write(
            {"groups": without_keep_firing_for(groups)}, COMPAT),
        "prometheusrule.yml": write({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {
                "name": "serverless-exporter",
                "labels": {"app.kubernetes.io/name": "serverless-exporter"},
            },
            "spec": {"groups": groups},
        }, MANIFEST),
    }


def main():
    directory = pathlib.Path(sys.argv[1])
    for name, text in files(groups_of_mixin()).items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
