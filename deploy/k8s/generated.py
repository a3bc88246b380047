"""What is generated among the manifests, so that each fact is stated once: `make manifests` writes it, a test holds it up to date."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

import yaml

from deploy.grafana import dashboards
from deploy.local.settings import REPOSITORY
from shared.config import load
from shared.definitions import definitions
from shared.topology import whole

_K8S = REPOSITORY / "deploy" / "k8s"
RULES = REPOSITORY / "deploy" / "prometheus" / "rules"


def files() -> dict[Path, str]:
    """Content by path."""
    components = _K8S / "components"
    return dashboards.files() | {
        components / "rabbitmq" / "topology.json": topology(),
        components / "monitoring" / "rules.yaml": "---\n".join(map(_rule_object, sorted(RULES.glob("*.yaml")))),
    }


def topology() -> str:
    """The definitions file of the broker, for the number of partitions that the settings of the cluster state."""
    settings = yaml.safe_load((_K8S / "base" / "settings.yaml").read_text())
    partitions = load("topology", settings["data"]).inbox_partitions
    return json.dumps(definitions(whole(partitions)), indent=1) + "\n"


def _rule_object(file: Path) -> str:
    """A rules file of Prometheus as the operator wants it."""
    head = f"""# Written by `make manifests` from deploy/prometheus/rules/{file.name}.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {file.stem}
spec:
"""
    return head + indent(file.read_text(), "  ")
