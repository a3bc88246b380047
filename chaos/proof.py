"""`docs/proof.md`: what was promised, what was found, by which command, on which day; worked out of the results that are kept."""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

from chaos.control.run import ControlResult
from chaos.results import DIRECTORY, Result, faults_of
from chaos.system.fleet import BY_ITSELF, INSIDE

NOTES = DIRECTORY / "notes.toml"
PAGE = Path(__file__).parents[1] / "docs" / "proof.md"
_SIGTERM = "SIGTERM"
_CROWDED = 5.0  # seconds by which half of the timers are late where everything waits, not only those of a killed owner
_REASON = 100  # characters of what was found in a run; the whole is in its results
_HEAD = """# Proof

What README promises, held against runs in which the system was broken on purpose. Every figure comes from the results in
[chaos/results](../chaos/results); `make proof` writes this page from them, and nothing in it is written by hand but the explanations.

A load generator outside the system keeps a ledger, on disk before it counts, of what it tried and of what was answered with 200. Faults
come by a seeded schedule. Afterwards, with everything healed and at rest, a checker compares the ledger with what each service holds:
for each customer the count, the sum of amounts and the exclusive or of random 64-bit weights; running counters by customer and quarter
of an hour; every announcement as a subscriber outside received it; every timer; queues and outboxes; and the whole state built anew
from the archive. Whether a service thinks that it has seen an event before is not asked. A run that hit nothing is *invalid*.

That the tests would notice is tested too: [mutants](mutants.md) lists the faults that were put into the code on purpose.
"""
_LIMITS = """## What this does not show

- A killed process does not take the page cache with it: that what was flushed survives a power cut is trusted, not tested.
- In most services an effect is a fact filed under its own id, so a double application would leave no trace in them by design. It would
  show in the running counters of analytics, in announcements and in timers, and there it is looked for.
- Everything ran on one machine. What several machines do to one another is imitated by a proxy, one link at a time.
- The broker was RabbitMQ 3.10.8. Version 4 knows no way to take a consumer's credit away before it ends: there a process that is asked
  to stop may send back a few messages that were still on their way to it. They are handled once all the same.
- Times are wall times of a machine with two cores that other work shared.
- A target that is not reached yet stands beside its figure. Runs add up: `make chaos` adds one more.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a promise, what was found, what was aimed at, how to repeat it and when the last run of it was."""

    promise: str
    figure: str
    aim: str
    command: str
    date: str


def render(results: Sequence[Result], controls: Sequence[ControlResult]) -> str:
    """The page."""
    counted = [result for result in results if result.colour != "invalid"]
    rows = [row for make in _ROWS for row in make(counted)]
    lines = [f"| {row.promise} | {row.figure} | {row.aim} | `{row.command}` | {row.date} |" for row in rows]
    table = "\n".join(["| promise | found | aim | how | last run |", "| --- | --- | --- | --- | --- |", *lines])
    return "\n".join([_HEAD, table, "", _control(counted, controls), _faults(counted), _runs(results), _LIMITS])


def _kept(results: Sequence[Result]) -> Iterable[Row]:
    if results:
        accepted, recovered = sum(one.accepted for one in results), sum(one.recovered for one in results)
        figure = f"{accepted:,} facts accepted (runs: {len(results)}); {broken(results)}; {recovered:,} applied though unanswered"
        yield _row(
            "Nothing accepted is lost, nothing is applied twice, nothing is made up", figure, "0 broken", "make chaos", results
        )


def _kills(results: Sequence[Result]) -> Iterable[Row]:
    by_kind = killed(results)
    services = {kind: times for kind, times in by_kind.items() if kind not in ("rabbitmq", "mongod", "mongod primary")}
    concerned = [one for one in results if killed([one])]
    if services:
        listed = ", ".join(f"{kind} {times}" for kind, times in sorted(services.items()))
        inside = faults_of(results).get(INSIDE, Counter()).total()
        figure = f"{sum(services.values()):,} kills, {inside:,} of them at a named point of the delivery path: {listed}"
        yield _row(
            "`kill -9` of any service process",
            f"{figure}; {broken(concerned)}",
            "200 of each kind, 0 broken",
            "python -m chaos --plan kills",
            concerned,
        )
    for target, plan in (("rabbitmq", "servers"), ("mongod", "servers"), ("mongod primary", "primary")):
        hit = [one for one in results if target in killed([one])]
        if hit:
            figure = f"{by_kind[target]} kills; {broken(hit)}"
            yield _row(f"`kill -9` of {_NAMES[target]}", figure, "50, 0 broken", f"python -m chaos --plan {plan}", hit)


def killed(results: Sequence[Result]) -> Counter[str]:
    """How often each kind of process was killed, alone, with another or at a point of its own path; replicas are of one kind."""
    kills = Counter[str]()
    for fault, targets in faults_of(results).items():
        if fault.startswith(("kill", "away under load", "outage")):
            for target, times in targets.items():
                for name in target.split(" and "):
                    kills[name.partition("-")[0]] += times
    return kills


def _rolls(results: Sequence[Result]) -> Iterable[Row]:
    alone = [one for one in results if set(one.faults) == {_SIGTERM}]
    if alone:
        again = [one.hits.get("redelivered", 0) for one in alone]
        figure = f"{restarts(alone):,} restarts; {sum(again):,} messages delivered again"
        clean = _since_last([bool(times) for times in again])
        if sum(again) and clean:
            figure += f", none of them in the last {restarts(alone[-clean:]):,} restarts"
        yield _row(
            "A process that is asked to stop finishes what it holds",
            f"{figure}; {broken(alone)}",
            "100, 0 again",
            "python -m chaos --plan rolls",
            alone,
        )


def restarts(results: Sequence[Result]) -> int:
    """How often a process was asked to stop and started again."""
    return faults_of(results)[_SIGTERM].total()


def _timers(results: Sequence[Result]) -> Iterable[Row]:
    fired = sum(one.fired for one in results)
    if fired:
        figure = f"{fired:,} fired; early, missed or double: {_timer_findings(results)}"
        yield _row("A timer fires once, and never early", figure, "100,000, 0 wrong", "python -m chaos --plan timers", results)
    calm = [one for one in results if one.plan == "punctual" and one.lateness.timers]
    if calm:
        figure = f"p99 {max(one.lateness.p99 for one in calm):.1f} s, latest {max(one.lateness.most for one in calm):.1f} s"
        figure += f" ({sum(one.lateness.timers for one in calm):,} timers)"
        yield _row(
            "When all is well it fires a second or two late at most", figure, "p99 1 s", "python -m chaos --plan punctual", calm
        )
    timed = [one for one in results if one.plan == "timers" and one.lateness.timers]
    crowded = [one for one in timed if one.lateness.p50 > _CROWDED]
    if killed := [one for one in timed if one not in crowded]:
        figure = f"p99 {max(one.lateness.p99 for one in killed):.1f} s, latest {max(one.lateness.most for one in killed):.1f} s"
        storm = max((one.lateness.most for one in results if one.plan == "kills"), default=0.0)
        if storm:
            figure += f"; latest {storm:.1f} s while every process is killed again and again, new owners too"
        if crowded:
            late = max(one.lateness.most for one in crowded)
            figure += f"; latest {late:.1f} s where more comes than the machine takes, and events wait as long"
        yield _row(
            "When its owner is killed it waits for a new one", figure, "latest 15 s", "python -m chaos --plan timers", killed
        )


def _outages(results: Sequence[Result]) -> Iterable[Row]:
    known = [one for one in results if "backlog" in one.figures and one.colour == "green"]
    for one in sorted(known, key=lambda one: one.figures["minutes"])[-1:]:
        arrived, drained = one.figures["arrived a second"], one.figures["drained a second"]
        figure = (
            f"backlog of {one.figures['backlog']:,.0f} facts that came at {arrived:.0f} a second, applied by six services at "
        )
        figure += f"{drained:.0f} a second ({drained / arrived:.1f} times as fast); {broken([one])}"
        promise = f"With the broker away for {one.figures['minutes']:.0f} minutes nothing accepted is lost"
        yield _row(promise, figure, "10 minutes; drained 3 times as fast", one.command, [one])


def _others(results: Sequence[Result]) -> Iterable[Row]:
    known = {"kills", "primary", "rolls", "timers", "flood", "punctual", "servers", "outage"}
    for plan in sorted({one.plan for one in results} - known):
        concerned = [one for one in results if one.plan == plan]
        faults = faults_of(concerned)
        listed = ", ".join(f"{kind} {targets.total()}" for kind, targets in sorted(faults.items()) if kind != BY_ITSELF)
        yield _row(
            concerned[-1].title.capitalize(),
            f"{listed}; {broken(concerned)}",
            "0 broken",
            f"python -m chaos --plan {plan}",
            concerned,
        )


def _control(results: Sequence[Result], controls: Sequence[ControlResult]) -> str:
    """What the plain way lost and doubled, beside ours."""
    lines = ["## The control", ""]
    if not controls:
        return "\n".join([*lines, "Not run yet: `python -m chaos control`.", ""])
    accepted = sum(one.accepted for one in controls)
    faults = Counter[str]()
    for one in controls:
        faults.update({kind: sum(targets.values()) for kind, targets in one.faults.items()})
    lines += [
        "The same generator, ledger and faults against the four effects of a purchase the plain nameko way",
        "([benchmarks/plain_nameko.py](../benchmarks/plain_nameko.py)): stock dispatcher and `event_handler`, defaults.",
        f"{accepted:,} orders accepted under {', '.join(f'{kind} {times}' for kind, times in sorted(faults.items()))};",
        f"`python -m chaos control`, last run {controls[-1].date[:10]}. Of analytics only a sum is known, so its figures are the least.",
        f"Ours are those of all runs on this page: {sum(one.accepted for one in results):,} facts accepted.",
        "",
        "| service | lost, plain | applied again, plain | lost, ours | applied again, ours |",
        "| --- | --- | --- | --- | --- |",
    ]
    for service in controls[-1].services:
        lost = sum(one.services[service].lost for one in controls)
        doubled = sum(one.services[service].doubled for one in controls)
        ours = [sum(one.services[service][which] for one in results if service in one.services) for which in (0, 1)]
        lines.append(f"| {service} | {lost:,} | {doubled:,} | {ours[0]:,} | {ours[1]:,} |")
    return "\n".join([*lines, ""])


def _faults(results: Sequence[Result]) -> str:
    lines = ["## Every fault so far", "", "| fault | target | times |", "| --- | --- | --- |"]
    for kind, targets in sorted(faults_of(results).items()):
        lines += [f"| {kind} | {target} | {times} |" for target, times in sorted(targets.items())]
    return "\n".join([*lines, ""])


def _runs(results: Sequence[Result]) -> str:
    lines = [
        "## Every run",
        "",
        "| date | commit | plan | seed | accepted | settled after | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    notes = tomllib.loads(NOTES.read_text())  # what was behind a run that was not green, by its name
    for one in results:
        reasons = [shorten(reason, _REASON, placeholder=" …") for reason in [*one.findings, *one.missing]]
        why = "; ".join(reasons) if one.colour != "green" else ""
        verdict = f"{one.colour}{f': {why}' if why else ''}{f' — {notes[one.name]}' if one.name in notes else ''}"
        lines.append(
            f"| {one.date[:16]} | {one.commit} | {one.plan} | {one.seed} | {one.accepted:,} | {one.settle_seconds:.0f} s | {verdict} |"
        )
    return "\n".join([*lines, ""])


def broken(results: Sequence[Result]) -> str:
    """How many promises were broken, and since how many runs none was."""
    findings = [len(one.findings) for one in results]
    clean = _since_last([bool(found) for found in findings])
    since = f", none of them in the last {'run' if clean == 1 else f'{clean} runs'}" if sum(findings) and clean else ""
    return f"broken promises: {sum(findings)}{since}"


def _since_last(marks: Sequence[bool]) -> int:
    """How many there are after the last that is marked; all of them where none is."""
    return next((back for back, marked in enumerate(reversed(marks)) if marked), len(marks))


def _timer_findings(results: Sequence[Result]) -> int:
    return sum("timer" in finding or "reminder" in finding for one in results for finding in one.findings)


def _row(promise: str, figure: str, aim: str, command: str, results: Sequence[Result]) -> Row:
    return Row(promise, figure, aim, command, max(one.date for one in results)[:10])


_NAMES = {"rabbitmq": "the broker", "mongod": "the database", "mongod primary": "the primary of three members of the database"}
_ROWS: Sequence[Callable[[Sequence[Result]], Iterable[Row]]] = (_kept, _kills, _rolls, _timers, _outages, _others)
