"""`python -m tests.simulation SEED [SCENARIO]` repeats one run; with a range `0-1000` all of it, on every core, until one fails."""

import eventlet

eventlet.monkey_patch()

import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from itertools import pairwise  # noqa: E402

from tests.simulation.simulation import simulate  # noqa: E402
from tests.simulation.verdict import violations  # noqa: E402

SHARE = 100
"""Seeds that are worth a process of their own."""


def run_here(seeds: range, scenario: str) -> int:
    """Run a simulation for each seed; 1 when a rule was broken, which is told."""
    for seed in seeds:
        run = simulate(seed, scenario)
        found = violations(run)
        if found:
            print(f"seed {seed} ({run.scenario.name}):", *found, sep="\n  ", flush=True)
            return 1
    return 0


def run_shared(seeds: range, scenario: str, shares: int) -> int:
    """Run them in as many processes."""
    cuts = [seeds.start + len(seeds) * number // shares for number in range(shares + 1)]
    for start, stop in pairwise(cuts):
        if not os.fork():
            os._exit(run_here(range(start, stop), scenario))
    return max(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(shares))


def main() -> int:
    first, _, last = sys.argv[1].partition("-")
    seeds = range(int(first), int(last or int(first) + 1))
    scenario = sys.argv[2] if len(sys.argv) > 2 else ""
    shares = min(os.cpu_count() or 1, len(seeds) // SHARE)
    began = time.monotonic()
    failed = run_shared(seeds, scenario, shares) if shares > 1 else run_here(seeds, scenario)
    if not failed:
        print(f"seeds {seeds.start} to {seeds.stop - 1}: every run held, {time.monotonic() - began:.1f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
