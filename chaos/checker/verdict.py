"""Green, red or invalid. A run that hit nothing proves nothing, so it is invalid and never green."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaos.checker.evidence import Finding, Observed
from chaos.checker.rules import check_announcements, check_counters, check_facts, check_residue
from chaos.checker.timers import check_timers
from chaos.ledger import Record


class Colour(StrEnum):
    GREEN = "green"
    RED = "red"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome: what was broken, and which hits a valid run needs and this one did not have."""

    colour: Colour
    findings: Sequence[Finding]
    missing: Sequence[str]


def judge(record: Record, observed: Observed, hits: Mapping[str, int], needed: Mapping[str, int]) -> Verdict:
    """Hold the run against every rule. `hits` counts what it hit by name, `needed` says how much of it makes the run count.

    A system that did not come to rest broke that promise; whether it lost or doubled anything cannot be told before it does.
    """
    findings = list(check_residue(observed))
    if observed.residue.at_rest:
        findings = [
            *check_facts(record, observed),
            *check_counters(record, observed),
            *check_announcements(observed),
            *check_timers(record, observed),
            *findings,
        ]
    missing = [f"{name}: {hits.get(name, 0)} of {least}" for name, least in needed.items() if hits.get(name, 0) < least]
    if not record.accepted:
        missing.append("accepted facts: 0 of 1")
    if findings:
        return Verdict(Colour.RED, findings, missing)
    return Verdict(Colour.INVALID if missing else Colour.GREEN, findings, missing)
