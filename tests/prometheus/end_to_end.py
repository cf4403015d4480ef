#!/usr/bin/python3
"""end_to_end.py BUILD: faults of providers and exporters, until they reach a webhook.

Simulators, exporters, Prometheus and Alertmanager are the real ones, with the rules and routes that are
shipped. Only time is another: each duration in them is divided by FACTOR, so that minutes are seconds.
"""

import datetime
import pathlib
import re
import signal
import sys
import tempfile
import time

import yaml

import stage

FACTOR = 60
JOB = "serverless_exporter"
KEY = "end-to-end-key"
AGE_S = 3600 + 200  # Of the fleets: 200 s after a rollout; the next is at 240.

CONFIG = """
[poll]
interval = "1s"
max_age = "3s"
discovery_interval = "1s"
"""
TLS = """
[web.tls_server_config]
cert_file = "{}"
key_file = "{}"
"""

# Account: its provider, how many of its jobs wait (True: some), and what goes wrong.
ACCOUNTS = {
    "well": ("runpod", False),
    "crashing": ("runpod", True),
    "dead": ("vast", False),
    "throttled": ("runpod", False),
    "rolling": ("runpod", False),
    "down": ("runpod", False),
    "revoked": ("runpod", False),
    "limited": ("runpod", False),
    "lost": ("runpod", False),  # Its exporter is killed.
}
SOURCES = ("workers", "queue", "catalog")

# What fires in the end: active, and held back by Alertmanager. (alert, account, what else tells it)
ACTIVE = {
    ("ServerlessEndpointCrashLoop", "crashing", ""),
    ("ServerlessEndpointNoReadyWorkers", "dead", ""),
    ("ServerlessEndpointNoReadyWorkers", "throttled", ""),
    ("ServerlessWorkersStale", "rolling", "version"),
    ("ServerlessAtMaxWorkers", "rolling", ""),  # Its jobs wait at that moment.
    ("ServerlessAccountDown", "down", "control"),
    ("ServerlessAccountDown", "down", "queue"),
    ("ServerlessKeyRefused", "revoked", "control"),
    ("ServerlessKeyRefused", "revoked", "queue"),
    # A provider that takes no request at all for this reason is down as well.
    ("ServerlessRateLimited", "limited", ""),
    ("ServerlessAccountDown", "limited", "control"),
    ("ServerlessAccountDown", "limited", "queue"),
    ("ServerlessWebReloadFailed", "", "a"),
    ("ServerlessExporterDown", "", "b"),
}
INHIBITED = {
    ("ServerlessEndpointNoReadyWorkers", "crashing", ""),
    ("ServerlessMostWorkersUnhealthy", "crashing", ""),
    ("ServerlessWorkersUnhealthy", "crashing", ""),
    ("ServerlessAtMaxWorkers", "crashing", ""),
    ("ServerlessMostWorkersUnhealthy", "dead", ""),
    ("ServerlessWorkersUnhealthy", "dead", ""),
    ("ServerlessWorkersThrottled", "throttled", ""),
    ("ServerlessAccountDown", "revoked", "control"),
    ("ServerlessAccountDown", "revoked", "queue"),
    *((alert, account, source) for alert in ("ServerlessDataExpired", "ServerlessPollFailing")
      for account in ("down", "revoked", "limited") for source in SOURCES),
}
# What may select nothing here, with what would fill it. What it is recorded from is there.
EMPTY = {"worker:serverless_perf:ratio":
         "a benchmarked worker of Vast.ai that is loaded by more than half; none of the demo is",
         "serverless_exporter_cluster_engine_up": "no exporter is in a cluster",
         "serverless_exporter_cluster_joined": "no exporter is in a cluster"}
WORDS = {"crashing": "UNHEALTHY", "throttled": "THROTTLED", "dead": "error"}


def key_of(labels):
    extra = (labels.get("api") or labels.get("source") or labels.get("reason")
             or labels.get("instance", ""))
    return labels["alertname"], labels.get("account", ""), extra


class Fleet:
    """One simulator whose time stands still, with one endpoint of four workers."""

    def __init__(self, on, account, provider, waiting):
        self.provider = provider
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        born = now - datetime.timedelta(seconds=AGE_S)
        self.url = on.simulator(
            f"simulator-{account}", "--endpoints", "1", "--workers", "4", "--frozen",
            "--no-rate-limits", "--key", KEY,
            "--start-time", now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "--born", born.strftime("%Y-%m-%dT%H:%M:%SZ"))
        # The fleet is a function of its age: the same places are found in each run.
        for _ in range(400):
            endpoint = self.endpoint()
            if len(endpoint["workers"]) == 4 and (
                    provider == "vast" or (endpoint["jobs"]["in_queue"] > 0) == waiting):
                break
            self.admin("advance", seconds=240)
        else:
            raise stage.NotInTime(f"{account}: no moment with four workers")
        self.say("idle" if provider == "vast" else "RUNNING")

    def admin(self, what, **parameters):
        query = stage.urllib.parse.urlencode(parameters)
        return stage.request(f"{self.url}/admin/{what}?{query}", "POST")

    def endpoint(self):
        return stage.ask(f"{self.url}/admin/truth",
                         api=self.provider)["apis"][self.provider]["endpoints"][0]

    def say(self, word):
        """The provider's word for every worker."""
        for worker in self.endpoint()["workers"]:
            self.admin("set_worker", id=worker["id"], status=word)

    def account(self, name, key_file):
        urls = ({"api_url": "vast-console", "autoscaler_url": "vast-run"}
                if self.provider == "vast"
                else {"api_url": "runpod-api", "queue_url": "runpod-queue"})
        lines = [f'name = "{name}"', f'provider = "{self.provider}"',
                 f'api_key_file = "{key_file}"', "allow_overlap = true",
                 *(f'{key} = "{self.url}/{host}"' for key, host in urls.items())]
        if self.provider == "vast":
            # Its spacings are not divided: more often, and polls would be slow.
            lines += ["join_instances = false", 'interval = "4s"', 'max_age = "12s"']
        return "\n[[accounts]]\n" + "\n".join(lines) + "\n"


def break_things(fleets, exporters, certificate):
    for account, word in WORDS.items():
        fleets[account].say(word)
    fleets["rolling"].admin("advance", seconds=41)
    fleets["rolling"].say("RUNNING")
    fleets["down"].admin("fault", kind="status", code=503)
    fleets["revoked"].admin("key", remove=KEY)
    fleets["limited"].admin("fault", kind="rate_limited", retry_after=1)
    certificate.write_text("no PEM", encoding="utf-8")
    exporters["b"].send_signal(signal.SIGKILL)


class Alerts:
    """What Alertmanager holds, and what it said."""

    def __init__(self, url, hook):
        self.url = url
        self.hook = hook

    def now(self):
        """@return which are active and which inhibited."""
        active, inhibited = set(), set()
        for alert in stage.ask(f"{self.url}/api/v2/alerts"):
            if alert["labels"].get("job") == JOB:
                held_back = alert["status"]["inhibitedBy"]
                (inhibited if held_back else active).add(key_of(alert["labels"]))
        return active, inhibited

    def heard(self):
        """@return which receiver was told of which alert, and what was called resolved."""
        fired, resolved = set(), set()
        for receiver, status, labels, _ in list(self.hook.heard):
            if labels.get("job") == JOB:
                (fired if status == "firing" else resolved).add((receiver, *key_of(labels)))
        return fired, resolved

    def expect(self, active, inhibited, patience):
        def difference():
            is_active, is_inhibited = self.now()
            return "\n".join(
                f"  {what}: {sorted(items)}" for what, items in (
                    ("active and not expected", is_active - active),
                    ("not active", active - is_active),
                    ("inhibited and not expected", is_inhibited - inhibited),
                    ("not inhibited", inhibited - is_inhibited)) if items)
        stage.wait_for(lambda: self.now() == (active, inhibited), difference, patience)


def told(active):
    """Who has to be told: the chat of all, the pager of what is critical."""
    warnings = {"ServerlessWorkersStale", "ServerlessAtMaxWorkers", "ServerlessRateLimited",
                "ServerlessWebReloadFailed"}
    for alert in active:
        yield "chat", *alert
        if alert[0] not in warnings and alert[2] != "b":
            yield "pager", *alert


def selectors():
    """What the rules select: each metric with its matchers, once."""
    found = set()
    for group in yaml.safe_load(stage.RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            found |= set(re.findall(r"\b(?:up|(?:\w+:)?serverless_[a-z_:]+)(?![\w(])(?:\{[^}]*\})?",
                                    rule["expr"]))
    return sorted(found)


def check_queries(prometheus):
    """Each rule is evaluated without an error, and finds what it selects."""
    groups = stage.ask(f"{prometheus}/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    ill = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
    assert not ill, ill
    asked = selectors()

    def empty():
        return [one for one in asked if one not in EMPTY and not
                stage.ask(f"{prometheus}/api/v1/query", query=one)["data"]["result"]]
    # The demo's fleet lives: not every status is there at every moment.
    stage.wait_for(lambda: not empty(), lambda: f"nothing is selected by {empty()}", 60, 1)
    print(f"end_to_end: {len(rules)} rules evaluated, {len(asked)} selectors, "
          f"{len(EMPTY)} may be empty")


def run(on):
    key_file = on.file("key", KEY)
    fleets = {name: Fleet(on, name, *row) for name, row in ACCOUNTS.items()}
    certificate, key = on.certificate("localhost", days=30)
    web = {"a": TLS.format(certificate, key), "b": ""}
    exporters, addresses = {}, {}
    for name, accounts in (("a", [n for n in fleets if n != "lost"]), ("b", ["lost"])):
        config = CONFIG + web[name] + "".join(fleets[n].account(n, key_file) for n in accounts)
        exporters[name], addresses[name] = on.exporter(
            f"exporter-{name}", "--config", on.file(f"exporter-{name}.toml", config),
            "--web.listen-address", "127.0.0.1:0")

    # All providers, for what the accounts above do not show. Its alerts have another job.
    _, demo = on.exporter("demo", "--demo", "--web.listen-address", "127.0.0.1:0")

    hook = stage.Webhook()
    manager = on.alertmanager(stage.scaled_routes(FACTOR, hook.url))
    prometheus = on.prometheus({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager[7:]]}]}]},
        "scrape_configs": [{"job_name": JOB, "tls_config": {"insecure_skip_verify": True},
                            "static_configs": [
            {"targets": [address],
             "labels": {"instance": name, "__scheme__": "https" if web[name] else "http"}}
            for name, address in addresses.items()]},
            {"job_name": "demo", "static_configs": [{"targets": [demo]}]}]})
    alerts = Alerts(manager, hook)

    def healthy():
        fresh = stage.ask(f"{prometheus}/api/v1/query",
                          query=f'min(serverless_endpoint_fresh{{job="{JOB}"}}) and on () count('
                                f'serverless_endpoint_fresh{{job="{JOB}",source="workers"}}) == '
                                f'{len(fleets)}')
        return [row["value"][1] for row in fresh["data"]["result"]] == ["1"]
    stage.wait_for(healthy, "not every endpoint is fresh in Prometheus")
    on.load_rules(prometheus, FACTOR)
    assert alerts.now() == (set(), set()), alerts.now()

    began = time.monotonic()
    break_things(fleets, exporters, certificate)
    alerts.expect(ACTIVE, INHIBITED, patience=70)
    print(f"end_to_end: {len(ACTIVE)} active and {len(INHIBITED)} inhibited, "
          f"{time.monotonic() - began:.0f} s after the faults")
    stage.wait_for(lambda: alerts.heard()[0] == set(told(ACTIVE)),
                   lambda: f"told {sorted(alerts.heard()[0] ^ set(told(ACTIVE)))}", 10)

    check_queries(prometheus)

    # The last exporter dies: everything else is old, and nothing of it is resolved.
    exporters["a"].send_signal(signal.SIGKILL)
    down = ("ServerlessExporterDown", "", "")
    stage.wait_for(lambda: ("pager", *down) in alerts.heard()[0], "no page of the last exporter", 30)
    stage.wait_for(lambda: alerts.now()[0] == {down},
                   lambda: f"still active: {alerts.now()[0]}", 30)
    # Prometheus ends the others when keep_firing_for is over.
    stage.wait_for(lambda: not [alert for alert in stage.ask(f"{prometheus}/api/v1/alerts")
                                ["data"]["alerts"] if alert["labels"].get("job") == JOB
                                and "account" in alert["labels"]],
                   "alerts of dead exporters go on", 60)
    time.sleep(2)  # Two evaluations, and Alertmanager's group_interval for another word.
    fired, resolved = alerts.heard()
    assert not resolved, f"a false recovery: {sorted(resolved)}"
    assert fired == set(told(ACTIVE | {down})), fired ^ set(told(ACTIVE | {down}))
    print(f"end_to_end: the last exporter died, no false recovery; {time.monotonic() - began:.0f} s")


def main():
    with tempfile.TemporaryDirectory(prefix="end_to_end_") as directory:
        with stage.Stage(directory, sys.argv[1]) as on:
            try:
                run(on)
            except (AssertionError, stage.NotInTime) as failure:
                print(f"end_to_end: {failure}", file=sys.stderr)
                for log in sorted(pathlib.Path(directory).glob("*.log")):
                    print(f"--- {log.name}\n{on.log(log.stem)[-1500:]}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
