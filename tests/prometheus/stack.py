#!/usr/bin/python3
"""stack.py BUILD [FACTOR]: the demo, Prometheus with the rules, and Alertmanager, until Ctrl-C.

With a FACTOR the times of the rules and routes are divided by it: with 60 a minute is a second.
"""

import pathlib
import signal
import sys
import tempfile
import threading

import yaml

import stage

SCRAPE = stage.ROOT / "prometheus" / "scrape.example.yml"


def tell(receiver, status, labels, annotations):
    print(f"\n{receiver}: {status}, {labels['severity']}: {labels['alertname']}\n"
          f"  {annotations['description']}\n  {annotations['runbook_url']}", flush=True)


def run(on, factor):
    _, exporter = on.exporter("exporter", "--demo", "--web.listen-address", "127.0.0.1:0")
    hook = stage.Webhook(tell)
    alertmanager = on.alertmanager(stage.scaled_routes(factor, hook.url))
    config = yaml.safe_load(SCRAPE.read_text(encoding="utf-8"))
    config["rule_files"] = ["rules.yml"]
    config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager[7:]]}]}]}
    job = config["scrape_configs"][0]
    job["static_configs"] = [{"targets": [exporter]}]
    if factor > 1:
        config["global"] = {"evaluation_interval": "1s"}
        job["scrape_interval"] = job["scrape_timeout"] = "1s"
    prometheus = on.prometheus(config)
    stage.wait_for(lambda: stage.ask(f"{prometheus}/api/v1/query", query="up == 1")["data"]["result"],
                   "Prometheus cannot scrape the exporter")
    on.load_rules(prometheus, factor)
    print(f"""\
exporter      http://{exporter}/         the status page; /metrics is what Prometheus reads
Prometheus    {prometheus}/alerts   the alerts, and what is pending
Alertmanager  {alertmanager}/         who is told, and what is held back
Notifications are printed here. What the programs say is in {on.directory}. Ctrl-C stops all.""",
          flush=True)


def main():
    factor = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *unused: stop.set())
    with tempfile.TemporaryDirectory(prefix="serverless_stack_") as directory:
        with stage.Stage(directory, pathlib.Path(sys.argv[1])) as on:
            try:
                run(on, factor)
            except stage.NotInTime as failure:
                print(f"stack: {failure}", file=sys.stderr)
                return 1
            while not stop.wait(1):
                for process in on.processes:
                    if process.poll() is not None:
                        print(f"stack: {process.name} ended with {process.returncode}:\n"
                              f"{on.log(process.name)[-2000:]}", file=sys.stderr)
                        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
