"""A Prometheus of our own on this machine, with the rules as they are and a local system as its targets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from deploy.local.gateway import answers
from deploy.local.processes import Process, wait_until
from deploy.local.settings import LOOPBACK, REPOSITORY
from deploy.prometheus.programs import PROMETHEUS
from deploy.prometheus.targets import Target

RULES = REPOSITORY / "deploy" / "prometheus" / "rules"
_INTERVAL = "5s"
_START_SECONDS = 30.0


@dataclass(frozen=True, order=True)
class Alert:
    """A firing alert: its name and what tells it from others of that name (`service=support`)."""

    name: str
    about: str = ""


class PrometheusServer:
    """`prometheus` with its data below `directory`; scrapes and evaluates every five seconds."""

    def __init__(self, directory: Path, port: int, targets: Sequence[Target]) -> None:
        self._directory, self._targets = directory / "prometheus", targets
        self.url = f"http://{LOOPBACK}:{port}"
        configuration = self._directory / "prometheus.yaml"
        command = [shutil.which(PROMETHEUS) or PROMETHEUS, f"--config.file={configuration}"]
        command += [
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--log.level=warn",
        ]
        self._configuration = configuration
        self.process = Process("prometheus", command, directory, grace_seconds=20.0)

    def start(self) -> None:
        """Start with no memory of an earlier run, and return once it answers."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        self._configuration.write_text(yaml.safe_dump(self.configuration()))
        self.process.start()
        wait_until(lambda: answers(f"{self.url}/-/ready"), self.process, _START_SECONDS)

    def stop(self) -> None:
        self.process.stop()

    def configuration(self) -> dict[str, Any]:
        return {
            "global": {"scrape_interval": _INTERVAL, "scrape_timeout": "4s", "evaluation_interval": _INTERVAL},
            "rule_files": [str(RULES / "*.yaml")],
            "scrape_configs": [target.job() for target in self._targets],
        }

    def firing(self) -> set[Alert]:
        """Alerts that fire now."""
        alerts = self._data("/api/v1/alerts")["alerts"]
        return {_alert(alert["labels"]) for alert in alerts if alert["state"] == "firing"}

    def value(self, query: str) -> float | None:
        """The value of an expression with one sample; None where it has none."""
        result = self._data(f"/api/v1/query?{urlencode({'query': query})}")["result"]
        return float(result[0]["value"][1]) if result else None

    def _data(self, path: str) -> dict[str, Any]:
        with urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - our own address only
            data: dict[str, Any] = json.load(answer)["data"]
        return data


def _alert(labels: dict[str, str]) -> Alert:
    about = ", ".join(f"{label}={labels[label]}" for label in sorted(labels.keys() - {"alertname", "severity", "part"}))
    return Alert(labels["alertname"], about)
