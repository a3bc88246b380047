"""What rules and dashboards speak of is there to be scraped: of the services, the broker and the gateway."""

import re
from urllib.request import urlopen

from deploy.prometheus.targets import Target, targets
from tests.contract.watching.expressions import metrics_of, of_dashboards, rules
from tests.e2e.conftest import System

OF_PROMETHEUS = {"up", "ALERTS"}
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("", "_count", "_sum")}


def scraped(target: Target) -> set[str]:
    """Names of all series that a target may have, those that had no sample yet included."""
    with urlopen(target.url, timeout=10) as answer:
        found = re.findall(r"^# TYPE (\S+) (\w+)$", answer.read().decode(), re.MULTILINE)
    return {name + suffix for name, kind in found for suffix in SUFFIXES.get(kind, ("",))}


def test_every_metric_of_rules_and_dashboards_is_scraped(stack: System) -> None:
    known = {name for target in targets(stack.stack) for name in scraped(target)}
    lines = [*of_dashboards(), *(str(rule["expr"]) for rule in rules())]
    asked = {name for line in lines for name in metrics_of(line) if ":" not in name}
    assert asked - known == OF_PROMETHEUS


def test_every_process_says_which_members_of_the_database_it_knows(stack: System) -> None:
    for target in targets(stack.stack):
        if target.labels["job"] == "sambandh":
            with urlopen(target.url, timeout=10) as answer:
                members = dict(
                    re.findall(r'^crm_database_known_members\{state="(\w+)"\} (\S+)$', answer.read().decode(), re.MULTILINE)
                )
            assert members == {"primary": "1.0", "secondary": "0.0", "unreachable": "0.0"}
