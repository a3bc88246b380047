"""`python -m tests.simulation SEED [SCENARIO]` repeats one run; with a range `0-1000` all of it, until one fails."""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402
import time  # noqa: E402

from tests.simulation.simulation import simulate  # noqa: E402
from tests.simulation.verdict import violations  # noqa: E402


def main() -> int:
    first, _, last = sys.argv[1].partition("-")
    name = sys.argv[2] if len(sys.argv) > 2 else ""
    began = time.process_time()
    for seed in range(int(first), int(last or int(first) + 1)):
        run = simulate(seed, name)
        found = violations(run)
        if found:
            print(f"seed {seed} ({run.scenario.name}):", *found, sep="\n  ")
            return 1
    print(f"{seed + 1 - int(first)} runs held in {time.process_time() - began:.1f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
