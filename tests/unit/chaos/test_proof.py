"""The page of proof: sums over results, nothing of which is invalid, and a control beside them."""

import tomllib
from dataclasses import replace
from pathlib import Path

from chaos.checker.timers import Lateness
from chaos.control.counting import Tally
from chaos.control.run import ControlResult, load_control
from chaos.proof import NOTES, PAGE, render
from chaos.results import Result, faults_of, load, save
from chaos.summary import README, put_into, summary

GREEN = Result(
    plan="kills",
    title="kills",
    seed=1,
    date="2026-03-01T12:00:00+00:00",
    command="python -m chaos --plan kills --seed 1",
    commit="abc1234",
    seconds=60.0,
    colour="green",
    findings=[],
    missing=[],
    attempted=1100,
    accepted=1000,
    recovered=5,
    faults={"kill -9": {"profiles": 3, "reengagement": 2, "reengagement-2": 2}, "kill inside": {"profiles": 1}},
    deaths={"unit_of_work.before_commit": 1},
    hits={"redelivered": 10},
    lateness=Lateness(50, 0.2, 0.9, 4.5),
    timers={"cart_idle fired": 50},
    services={"profiles": [0, 0], "analytics": [0, 0]},
)
LOST = replace(
    GREEN, seed=2, colour="red", findings=["lost by profiles: 1: x"], services={"profiles": [1, 0], "analytics": [0, 2]}
)
INVALID = replace(GREEN, seed=3, colour="invalid", missing=["duplicates: 0 of 1"])
ROLLS = replace(GREEN, plan="rolls", seed=4, faults={"SIGTERM": {"profiles": 8}}, hits={"redelivered": 0})
CONTROL = ControlResult(
    1, GREEN.date, "python -m chaos control", 60.0, 500, 480, {"kill -9": {"shop": 2}}, {"profiles": Tally(7, 9)}
)


def test_a_result_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text("{}\n")
    for result in (GREEN, LOST):
        save(result, history, tmp_path / "results")
    assert load(tmp_path / "results") == [GREEN, LOST]


def test_faults_are_summed_over_runs() -> None:
    assert faults_of([GREEN, LOST])["kill -9"] == {"profiles": 6, "reengagement": 4, "reengagement-2": 4}


def test_kills_of_all_replicas_of_a_service_are_kills_of_its_kind() -> None:
    page = render([GREEN], [])
    assert "8 kills, 1 of them at a named point of the delivery path: profiles 4, reengagement 4; broken promises: 0" in page


def test_both_of_a_pair_are_killed() -> None:
    pairs = replace(GREEN, faults={"kill -9 of a pair": {"mongod and social": 2, "social and support": 1}})
    page = render([pairs], [])
    assert "4 kills, 0 of them at a named point of the delivery path: social 3, support 1" in page
    assert "| `kill -9` of the database | 2 kills" in page


def test_a_broken_promise_stays_on_the_page_however_many_good_runs_follow() -> None:
    page = render([LOST, GREEN, replace(GREEN, seed=5)], [])
    assert "3,000 facts accepted (runs: 3); broken promises: 1, none of them in the last 2 runs" in page


def test_a_broken_promise_stands_on_the_page() -> None:
    page = render([GREEN, LOST], [CONTROL])
    assert "broken promises: 1" in page
    assert "red: lost by profiles: 1: x" in page
    assert "| profiles | 7 | 9 | 1 | 0 |" in page


def test_an_invalid_run_is_listed_and_counts_for_nothing() -> None:
    page = render([GREEN, INVALID], [])
    assert "1,000 facts accepted (runs: 1)" in page
    assert "invalid: duplicates: 0 of 1" in page


def test_messages_that_drained_consumers_left_behind_are_told() -> None:
    assert "8 restarts; 0 messages delivered again" in render([ROLLS], [])
    worse = replace(ROLLS, hits={"redelivered": 3})
    assert "8 restarts; 3 messages delivered again;" in render([worse], [])
    assert "16 restarts; 3 messages delivered again, none of them in the last 8 restarts" in render([worse, ROLLS], [])


def test_the_page_in_the_repository_is_what_the_kept_results_say() -> None:
    assert PAGE.read_text() == render(load(), load_control()), "run `make proof`"
    assert README.read_text() == put_into(README.read_text(), load(), load_control()), "run `make proof`"


def test_the_summary_counts_every_kind_of_service_and_leaves_out_what_hit_nothing() -> None:
    told = summary([GREEN, LOST, ROLLS, INVALID], [CONTROL])
    assert "3,000 facts were accepted and 150 timers fired" in told
    assert "16 times a service (each kind at least 8 times)" in told
    assert "Broken promises: 1, none of them in the last run;" in told
    assert "lost 7 and doubled 9 effects of 480 orders" in told


def test_what_was_behind_a_red_run_stands_beside_its_verdict() -> None:
    kept = {one.name for one in load()}
    notes = tomllib.loads(NOTES.read_text())
    assert notes.keys() <= kept
    page = render(load(), [])
    assert all(f" — {note} |" in page for note in notes.values())


def test_a_page_without_results_says_so() -> None:
    assert "Not run yet" in render([], [])
