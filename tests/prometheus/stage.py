"""Real programs on loopback: simulator, exporter, Prometheus, Alertmanager, and a webhook that listens."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).parents[2]
RULES = ROOT / "prometheus" / "serverless_exporter.rules.yml"
ROUTES = ROOT / "prometheus" / "alertmanager.example.yml"


def scaled(text, factor):
    """Every duration in a text (as 5m, 1h30m) through the factor, in whole milliseconds."""
    units = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
    return re.sub(r"\b([0-9]+)([dhms])\b",
                  lambda found: f"{int(found[1]) * units[found[2]] // factor}ms", text)


def scaled_rules(factor):
    """The rules with all of their times through the factor; their expressions are otherwise the same."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        rule["expr"] = re.sub(r"(\[|offset\s+)[0-9dhms]+\b",
                              lambda found: scaled(found.group(), factor), rule["expr"])
        for key in {"for", "keep_firing_for"} & set(rule):
            rule[key] = scaled(rule[key], factor)
    return {"groups": groups}


def scaled_routes(factor, webhook):
    """The example of Alertmanager's configuration, its times through the factor, its receivers ours."""
    config = yaml.safe_load(ROUTES.read_text(encoding="utf-8"))
    for key in ("group_wait", "group_interval", "repeat_interval"):
        config["route"][key] = scaled(config["route"][key], factor)
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = webhook + urllib.parse.urlparse(hook["url"]).path
    return config


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(url, method="GET"):
    """@return the body; an answer that is no success raises."""
    asked = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return answer.read().decode()


def ask(url, **parameters):
    """@return what the JSON says."""
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    return json.loads(request(url + query))


class NotInTime(Exception):
    pass


def wait_for(condition, what, patience=60, pause=0.1):
    """@return what the condition returns once that is true."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if result := condition():
                return result
        if time.monotonic() > deadline:
            raise NotInTime(f"not in {patience} s: {what() if callable(what) else what}")
        time.sleep(pause)


class Webhook:
    """Keeps each notification: (receiver, status, labels, annotations)."""

    def __init__(self, tell=None):
        self.heard = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    note = (self.path.strip("/"), alert["status"], alert["labels"],
                            alert["annotations"])
                    hook.heard.append(note)
                    if tell:
                        tell(*note)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Stage:
    """Starts programs, and ends them all. What they write is in `directory`."""

    def __init__(self, directory, build):
        self.directory = pathlib.Path(directory)
        self.build = pathlib.Path(build)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, name, *command):
        with open(self.directory / f"{name}.log", "wb") as log:
            # A group of its own: Ctrl-C is for whoever started us, who ends these in order.
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        process.name = name
        return process

    def log(self, name):
        return (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def started(self, process, condition):
        """Waits for the condition while the program lives."""
        def check():
            if process.poll() is not None:
                raise NotInTime(f"{process.name} ended with {process.returncode}:\n"
                                + self.log(process.name)[-2000:])
            return condition()
        return wait_for(check, lambda: f"{process.name} does not start:\n"
                        + self.log(process.name)[-2000:])

    def certificate(self, name, days):
        """@return the files of a certificate that signs itself, and of its key."""
        paths = certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        template = self.file(f"{name}.template", f"cn = {name}\nexpiration_days = {days}\n")
        for command in (("--generate-privkey", "--outfile", key),
                        ("--generate-self-signed", "--load-privkey", key, "--template", template,
                         "--outfile", certificate)):
            subprocess.run(["certtool", *command], check=True, capture_output=True)
        return paths

    def simulator(self, name, *options):
        """@return its URL."""
        process = self.start(name, self.build / "serverless_simulator", *options)
        found = self.started(process, lambda: re.search(r"listening (http://\S+)\n",
                                                        self.log(name)))
        return found[1]

    def exporter(self, name, *options):
        """@return the process and its address."""
        process = self.start(name, self.build / "serverless_exporter", *options)
        found = self.started(process, lambda: re.search(r"event=listening\b.*address=(\S+)",
                                                        self.log(name)))
        return process, found[1]

    def alertmanager(self, config):
        """@return its URL. Nothing is gossiped: it would open a port to others."""
        url = f"http://127.0.0.1:{free_port()}"
        process = self.start(
            "alertmanager", "prometheus-alertmanager",
            f"--config.file={self.file('alertmanager.yml', yaml.safe_dump(config))}",
            f"--storage.path={self.directory / 'alertmanager'}",
            f"--web.listen-address={url[7:]}", "--cluster.listen-address=")
        self.started(process, lambda: request(url + "/-/ready") is not None)
        return url

    def prometheus(self, config):
        """Without rules yet. @return its URL."""
        self.file("rules.yml", json.dumps({"groups": []}))
        url = f"http://127.0.0.1:{free_port()}"
        process = self.start(
            "prometheus", "prometheus",
            f"--config.file={self.file('prometheus.yml', yaml.safe_dump(config))}",
            f"--storage.tsdb.path={self.directory / 'prometheus'}",
            f"--web.listen-address={url[7:]}", "--web.enable-lifecycle", "--log.level=warn")
        self.started(process, lambda: request(url + "/-/ready"))
        return url

    def load_rules(self, prometheus, factor):
        """Once the targets answer: five seconds of starting are five minutes of being down."""
        self.file("rules.yml", json.dumps(scaled_rules(factor)))
        request(f"{prometheus}/-/reload", "POST")
        wait_for(lambda: ask(f"{prometheus}/api/v1/rules")["data"]["groups"], "no rules are loaded")
