"""What is computed of measurements: quantiles, ratios, medians, and whether aims are met."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.consume import Standing, each_service, rows, standing
from benchmarks.outcome import Aim, Row, quantile, ratio, significant
from benchmarks.trial import Trial


def trial(count: int, seconds: float, services: float = 1.0, mongod: float = 0.5) -> Trial:
    return Trial(count, seconds, {"services": services, "mongod": mongod})


def test_a_quantile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [quantile(values, share) for share in (0.01, 0.5, 0.95, 0.99, 1.0)] == [1, 50, 95, 99, 100]
    assert quantile([7.0], 0.99) == 7.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_a_measured_value_with_enough_others_below_it(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_nothing_is_said_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)
    with pytest.raises(ValueError, match="nothing was measured"):
        ratio(3.0, 0.0)


def test_an_aim_is_a_bound_below_or_above() -> None:
    assert Aim(10).met_by(10)
    assert not Aim(10).met_by(9.99)
    assert Aim(500, at_most=True).met_by(500)
    assert not Aim(500, at_most=True).met_by(501)


def test_a_row_tells_its_figure_its_aim_and_whether_it_was_met() -> None:
    assert Row("publish", 6.123456, "times", Aim(6)).document() == {
        "what": "publish",
        "figure": 6.12,
        "unit": "times",
        "at_least": 6,
        "met": True,
    }
    assert Row("latency", 501.0, "ms", Aim(500, at_most=True)).document()["met"] is False
    assert "met" not in Row("rate", 1.0, "events/s").document()


@pytest.mark.parametrize(("figure", "shown"), [(1234.56, 1230.0), (0.0123456, 0.0123), (0.0, 0.0), (-15.678, -15.7)])
def test_figures_are_told_with_three_digits(figure: float, shown: float) -> None:
    assert significant(figure) == shown


def test_a_trial_says_how_many_orders_a_second_and_what_one_costs() -> None:
    one = trial(2_000, 4.0, services=3.0, mongod=1.0)
    assert one.rate == 500
    assert one.cost == 2.0  # milliseconds
    assert one.cost_in("mongod") == 0.5


def test_a_side_stands_where_the_middle_one_of_its_trials_is() -> None:
    found = standing([trial(1_000, 1.0, services=1.0), trial(1_000, 4.0, services=9.0), trial(1_000, 2.0, services=2.0)])
    assert found.rate == 500
    assert found.costs == {"services": 2.0, "mongod": 0.5}
    assert found.cost == 2.5


def test_ours_is_held_against_each_of_the_others() -> None:
    standings = {
        "sambandh": Standing(1_000, 2.0, {}),
        "plain": Standing(100, 20.0, {}),
        "faststream": Standing(200, 10.0, {}),
        "ceiling": Standing(1_500, 1.0, {}),
    }
    assert [row.figure for row in rows(standings)] == [10, 10, 5, pytest.approx(2 / 3)]
    assert all(row.aim is not None and row.aim.met_by(row.figure) for row in rows(standings))


def test_what_an_order_costs_is_told_of_each_service() -> None:
    trials = [Trial(1_000, 1.0, {}, {"support": seconds, "profiles": 0.5}) for seconds in (0.1, 0.3, 0.2)]
    assert [(row.what, row.figure, row.unit) for row in each_service(trials)] == [
        ("consume: processor time of support for an order", pytest.approx(0.2), "ms"),
        ("consume: processor time of profiles for an order", pytest.approx(0.5), "ms"),
    ]
