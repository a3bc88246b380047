"""Every PromQL expression of rules and dashboards, and the names of metrics in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.grafana.dashboards import DIRECTORY
from deploy.k8s.generated import RULES

# Words of PromQL that stand where the name of a metric may stand.
_WORDS = set(
    re.findall(
        r"\w+",
        """and or unless on ignoring by without group_left group_right bool offset sum min max count group avg topk rate increase
        deriv histogram_quantile max_over_time min_over_time vector""",
    )
)


def rules() -> Iterator[dict[str, Any]]:
    """Alerting and recording rules of all files."""
    for file in sorted(RULES.glob("*.yaml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> dict[str, list[dict[str, Any]]]:
    """Alerting rules by name; a name may page and be a ticket."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in rules():
        if "alert" in rule:
            found.setdefault(rule["alert"], []).append(rule)
    return found


def dashboards() -> dict[Path, dict[str, Any]]:
    return {file: json.loads(file.read_text()) for file in sorted(DIRECTORY.glob("*.json"))}


def of_dashboards() -> list[str]:
    return [target["expr"] for dashboard in dashboards().values() for panel in dashboard["panels"] for target in panel["targets"]]


def metrics_of(expression: str) -> set[str]:
    """Names of metrics and recorded series: what is left without labels, texts, durations, numbers and words of the language."""
    bare = re.sub(r'"(\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\boffset\s+\w+", " ", bare)
    return set(re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*", bare)) - _WORDS
