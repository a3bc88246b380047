"""`python -m chaos`: break the system on purpose and see whether anything is lost or doubled."""

import argparse
import math
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from chaos.control.run import ControlResult, run_control
from chaos.options import Options
from chaos.plans import PLANS
from chaos.results import DIRECTORY
from chaos.run import run
from chaos.summary import write

_DESCRIPTION = "Start the whole system on this machine, load it, break it, and check that nothing was lost or done twice."
_EPILOG = "Exit code 0: green. 1: a promise was broken. 2: the run hit too little to prove anything."
_ROUNDS_OF_CONTROL = 60


def main() -> int:
    """Parse the command line and do what it asks for."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    if arguments.what == "proof":
        write()
        return 0
    seed = arguments.seed if arguments.seed is not None else SystemRandom().randrange(10**6)
    command = _command(sys.argv[1:], [] if arguments.seed is not None else ["--seed", str(seed)])
    if arguments.what == "control":
        _show(run_control(seed, arguments.rounds or _ROUNDS_OF_CONTROL, arguments.seconds, command, _say))
        return 0
    options = Options(
        plan=arguments.plan,
        seed=seed,
        rounds=arguments.rounds,
        rate=arguments.rate,
        seconds=arguments.seconds,
        settle_seconds=arguments.settle,
        rebuilt=arguments.rebuilt,
        minutes=arguments.minutes,
        command=command,
        results=arguments.results,
    )
    result = run(options, _say)
    return {"green": 0, "red": 1}.get(result.colour, 2)


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    plans = "\n".join(f"  {name:<11} {plan.title} ({plan.rounds} faults)" for name, plan in PLANS.items())
    parser = argparse.ArgumentParser(
        "python -m chaos", description=_DESCRIPTION, epilog=f"plans:\n{plans}\n\n{_EPILOG}", formatter_class=formatter
    )
    whats = "run (the default) a plan; run the control, which is plain nameko; or write docs/proof.md and README's summary of it"
    parser.add_argument("what", nargs="?", choices=["run", "control", "proof"], default="run", help=whats)
    parser.add_argument("--plan", choices=sorted(PLANS), default="everything", help="which faults and which load (everything)")
    parser.add_argument("--rounds", type=int, default=0, help="how many faults; by default as many as the plan says")
    parser.add_argument("--seed", type=int, help="repeats a schedule; by default a new one, which the result names")
    parser.add_argument("--rate", type=float, default=0.0, help="facts a second; by default as the plan says")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="begin no further fault after so long; by default all are done"
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="how long an outage lasts; by default as the plan says")
    parser.add_argument(
        "--settle",
        type=float,
        default=120.0,
        help="seconds in which something has to change on the way to rest (120)",
    )
    parser.add_argument("--rebuilt", type=float, default=0.2, help="share of customers whose state is built anew (0.2)")
    parser.add_argument("--results", type=Path, default=DIRECTORY, help="where the result is kept (chaos/results)")
    return parser


def _command(words: Sequence[str], seed: Sequence[str]) -> str:
    """What repeats the run; where its result was kept is of no interest to others."""
    told = list(words)
    if "--results" in told:
        at = told.index("--results")
        del told[at : at + 2]
    return shlex.join(["python", "-m", "chaos", *told, *seed])


def _show(result: ControlResult) -> None:
    _say(f"{result.accepted} of {result.attempted} orders accepted")
    for service, found in result.services.items():
        _say(f"{service}: {found.lost} lost, {found.doubled} doubled")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
