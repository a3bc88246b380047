"""Rules that Prometheus understands, alerts that are proved, dashboards whose every line can be drawn."""

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from deploy.grafana.panels import dashboards as stated
from deploy.k8s.generated import RULES
from deploy.local.settings import REPOSITORY, SERVICES
from tests.contract.watching.conftest import Promtool
from tests.contract.watching.expressions import alerts, dashboards, metrics_of, of_dashboards, rules

PROOFS = sorted((REPOSITORY / "deploy" / "prometheus" / "tests").glob("*.yaml"))


def test_prometheus_understands_every_rule(promtool: Promtool) -> None:
    said = promtool("check", "rules", *sorted(RULES.glob("*.yaml")))
    assert said.count("SUCCESS") == len(list(RULES.glob("*.yaml"))) == 3


def test_every_alert_does_what_its_tests_say(promtool: Promtool) -> None:
    assert promtool("test", "rules", *PROOFS).count("SUCCESS") == len(PROOFS)


def test_every_alert_is_proved_to_fire_and_to_be_silent() -> None:
    fires, silent = defaultdict(set), set()
    for file in PROOFS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for expected in case["alert_rule_test"]:
                for alert in expected.get("exp_alerts", []):
                    fires[expected["alertname"]].add(alert["exp_labels"]["severity"])
                if not expected.get("exp_alerts"):
                    silent.add(expected["alertname"])
    wanted = {name: {rule["labels"]["severity"] for rule in found} for name, found in alerts().items()}
    # Of two rules with one name and one expression, a burn at two speeds, either stands for both.
    assert {name for name in wanted if not fires[name]} == set()
    assert set(wanted) - silent == set()
    assert all(severities <= wanted[name] for name, severities in fires.items())


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_what_is_the_matter_how_urgent_it_is_and_where_to_read_on(name: str) -> None:
    for rule in alerts()[name]:
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "runbook"}
        assert (REPOSITORY / rule["annotations"]["runbook"]).read_text().startswith(f"# {name}: ")


def test_a_ticket_may_wait_and_a_page_waits_for_no_more_than_five_minutes() -> None:
    for name, found in alerts().items():
        for rule in found:
            wait = rule.get("for", "0s")
            assert rule["labels"]["severity"] == "ticket" or wait in ("30s", "1m", "2m", "5m"), name


def test_every_line_of_a_dashboard_can_be_drawn(promtool: Promtool, tmp_path: Path) -> None:
    drawn = [{"record": f"drawn:{number}", "expr": line} for number, line in enumerate(of_dashboards())]
    file = tmp_path / "drawn.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "drawn", "rules": drawn}]}))
    assert f"SUCCESS: {len(drawn)} rules found" in promtool("check", "rules", file)
    assert len(drawn) > 100


def test_what_is_recorded_is_what_is_read_under_that_kind_of_name() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    read = {name for line in (*of_dashboards(), *(str(rule["expr"]) for rule in rules())) for name in metrics_of(line)}
    assert {name for name in read if ":" in name} == recorded


def test_there_is_a_dashboard_of_the_whole_of_the_business_and_of_each_service() -> None:
    found = {content["uid"]: content for content in dashboards().values()}
    assert set(found) == {f"sambandh-{name}" for name in ("overview", "business", *SERVICES)} == {one.uid for one in stated()}
    for content in found.values():
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in content["panels"]]
        assert len(places) == len(set(places)), "one panel hides another"
        assert len({panel["id"] for panel in content["panels"]}) == len(places)
