"""Writing down what the runs have shown: the page of proof, and its short form in README."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import put_between
from chaos.control.run import ControlResult, load_control
from chaos.proof import PAGE, broken, killed, render, restarts
from chaos.results import Result, load

README = Path(__file__).parents[1] / "README.md"
MARKERS = "<!-- proof: written by `make proof` -->", "<!-- end of proof -->"


def write() -> None:
    """Write both from the results that are kept."""
    results, controls = load(), load_control()
    PAGE.write_text(render(results, controls))
    README.write_text(put_into(README.read_text(), results, controls))


def put_into(text: str, results: Sequence[Result], controls: Sequence[ControlResult]) -> str:
    """README with the summary between its markers. Raises ValueError where they are missing."""
    return put_between(text, summary(results, controls), *MARKERS)


def summary(results: Sequence[Result], controls: Sequence[ControlResult]) -> str:
    """Sums over all runs that hit something, and the plain way under such faults."""
    counted = [result for result in results if result.colour != "invalid"]
    kills = killed(counted)
    broker, database, primary = (kills.pop(name, 0) for name in ("rabbitmq", "mongod", "mongod primary"))
    services = f"{sum(kills.values()):,} times a service (each kind at least {min(kills.values(), default=0):,} times)"
    servers = f"{broker} times the broker, {database} times the database, {primary} times the primary of three"
    accepted, fired = sum(one.accepted for one in counted), sum(one.fired for one in counted)
    lines = [
        f"In {len(counted)} runs so far that hit something, {accepted:,} facts were accepted and {fired:,} timers fired, while",
        f"`kill -9` hit {services}, {servers}; {restarts(counted):,} times a service was restarted in order.",
        f"{broken(counted).capitalize()}; the page says what they were and what was done.",
    ]
    if controls:
        plain = [tally for one in controls for tally in one.services.values()]
        lost, doubled = sum(one.lost for one in plain), sum(one.doubled for one in plain)
        orders = sum(one.accepted for one in controls)
        lines.append(f"The plain nameko way lost {lost} and doubled {doubled} effects of {orders:,} orders under such faults.")
    return "\n".join(lines)
