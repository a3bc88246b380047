"""Results as files, tables and plot."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import plot, report, results
from benchmarks.outcome import Aim, Outcome, Row

ABOUT: dict[str, Any] = {
    "at": "2026-03-04T05:06:07+00:00",
    "commit": "0123456789ab",
    "cores": 2,
    "versions": {"mongod": "6.0.5", "rabbitmq": "3.10.8", "python": "3.11.7"},
    "trials": 3,
}


def side(title: str, rate: float, *costs: float) -> dict[str, Any]:
    shares = dict(zip(("services", "mongod", "rabbitmq"), costs, strict=True))
    return {"name": title.lower(), "title": title, "terms": "none", "orders_per_second": rate, "cpu_ms_per_order": shares}


def outcome(figure: float) -> Outcome:
    rows = [Row("consume: beside others", figure, "times", Aim(10)), Row("consume: rate", 1234.5, "orders/s")]
    sides = [side("Ours", 1_500, 0.5, 0.25, 0.1), side("Theirs", 150, 4, 2, 1)]
    return Outcome(rows, {"ours": [{"seconds": 1.23456789}]}, "many orders", {"sides": sides})


def test_a_result_is_a_file_with_what_it_was_measured_on(tmp_path: Path) -> None:
    path = results.write(tmp_path, "consume", ABOUT, outcome(12.3456))
    assert path.parent == tmp_path
    written = json.loads(path.read_text())
    assert written["benchmark"] == "consume"
    assert written["commit"] == ABOUT["commit"]
    assert written["rows"][0] == {"what": "consume: beside others", "figure": 12.3, "unit": "times", "at_least": 10, "met": True}
    assert written["raw"] == {"ours": [{"seconds": 1.235}]}


def test_what_is_shown_is_the_newest_result_of_each_benchmark(tmp_path: Path) -> None:
    results.write(tmp_path, "consume", {**ABOUT, "at": "2026-03-05T00:00:00+00:00"}, outcome(2.0))
    results.write(tmp_path, "consume", ABOUT, outcome(1.0))
    results.write(tmp_path, "relay", ABOUT, outcome(3.0))
    shown = results.newest(tmp_path)
    assert {name: result["rows"][0]["figure"] for name, result in shown.items()} == {"consume": 2.0, "relay": 3.0}


def test_the_tables_show_sides_figures_aims_and_verdicts(tmp_path: Path) -> None:
    results.write(tmp_path, "consume", ABOUT, outcome(9.9))
    lines = report.tables(results.newest(tmp_path)).splitlines()
    assert "| Ours | 1,500 | 0.5 | 0.25 | 0.1 | 0.85 | none |" in lines
    assert "| consume: beside others | 9.9 times | at least 10 | missed | 2026-03-04 | `0123456` |" in lines
    assert "| consume: rate | 1,230 orders/s |  |  | 2026-03-04 | `0123456` |" in lines
    assert any("many orders; 2 cores" in line and "3 trials" in line for line in lines)


def test_the_summary_shows_what_has_an_aim(tmp_path: Path) -> None:
    results.write(tmp_path, "consume", ABOUT, outcome(9.9))
    lines = report.summary(results.newest(tmp_path)).splitlines()
    assert lines[2:] == ["| consume: beside others | 9.9 times | at least 10, missed |"]


def test_tables_are_put_between_the_markers_and_nowhere_else() -> None:
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.put_between(text, "new")
    assert once == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    assert report.put_between(once, "new") == once
    with pytest.raises(ValueError, match="markers"):
        report.put_between("no markers", "new")


def test_the_plot_is_a_picture_with_every_side_and_figure(tmp_path: Path) -> None:
    path = tmp_path / "latest.svg"
    plot.consume({"sides": [side("Ours", 1_500, 0.5, 0.25, 0.1), side("Theirs", 150, 4, 2, 1)]}, path)
    texts = {(element.text or "").strip() for element in ElementTree.parse(path).iter() if element.tag.endswith("text")}
    assert {"Ours", "Theirs", "1,500", "150", "0.85", "7", "services", "mongod", "rabbitmq"} <= texts
