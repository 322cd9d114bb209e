"""A Prometheus of a test's own: own directory, own port, ended by its process."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.monitoring.programs import program
from tests.monitoring.rules import FOLDER

Vector = list[dict[str, Any]]
"Series of an answer: `metric` with its labels, `value` or `values`."


class QueryError(Exception):
    """Prometheus did not understand a query; its own sentence."""


class PrometheusServer:
    """Scrapes one router each second, with the rules of deploy/prometheus as they are."""

    def __init__(self, target: str) -> None:
        self._program = program("prometheus")
        self.home = Path(tempfile.mkdtemp(prefix="ringfair-prometheus-"))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        for file in ("recording.yml", "alerts.yml"):
            shutil.copy(FOLDER / file, self.home)
        example = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
        for old, new in (
            ("127.0.0.1:9580", target),
            ("scrape_interval: 5s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
        ):
            assert old in example, f"prometheus.yml has no {old}"
            example = example.replace(old, new)
        (self.home / "prometheus.yml").write_text(example, encoding="utf-8")

    @property
    def log(self) -> Path:
        return self.home / "log"

    def start(self) -> None:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self.home / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.home / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Prometheus did not start\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        shutil.rmtree(self.home, ignore_errors=True)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    # ---- asking ----

    def query(self, expr: str, at: float) -> Vector:
        """The series of an expression at an instant. Raises `QueryError`."""
        return list(self._ask("query", query=expr, time=str(at))["result"])

    def query_range(self, expr: str, begin: float, end: float, step: str) -> Vector:
        """The series of an expression over a time, as a graph asks for them. Raises `QueryError`."""
        return list(self._ask("query_range", query=expr, start=str(begin), end=str(end), step=step)["result"])

    def label_values(self, label: str, selector: str, begin: float, end: float) -> list[str]:
        found = self._ask(f"label/{label}/values", **{"match[]": selector, "start": str(begin), "end": str(end)})
        return list(found)

    def rules(self) -> list[dict[str, Any]]:
        """Every rule it has loaded, as it reads them itself."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=15) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise QueryError(json.load(error).get("error", str(error))) from None
