"""Time limits of a run: they break into whatever is waited for, and leave nothing behind. In a process whose threads are real ones."""

import subprocess
import sys
import textwrap

import pytest

from deploy.local.settings import REPOSITORY

A_LOCK = "lock = threading.Lock(); lock.acquire(); lock.acquire()"
A_THREAD = "thread = threading.Thread(target=threading.Event().wait, daemon=True); thread.start(); thread.join()"
A_PIPE = "subprocess.Popen(['sleep', '20'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.readline()"
A_CALL_THAT_CATCHES_ALL = """
def call():
    try:
        time.sleep(20)
    except Exception:
        time.sleep(20)
call()
"""
BEGINNING = """
import signal, subprocess, threading, time
from chaos import deadlines
from chaos.deadlines import Overdue, within
deadlines._AGAIN_SECONDS = 0.1
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(code)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("wait", [A_LOCK, A_THREAD, A_PIPE, A_CALL_THAT_CATCHES_ALL])
def test_a_limit_ends_a_wait_and_says_where_it_was(wait: str) -> None:
    done = _run(
        f"try:\n  with within(0.1, 'the step'):\n{textwrap.indent(wait, '    ')}\nexcept Overdue as overdue:\n  print(overdue)"
    )
    assert done.stdout.startswith("the step: not done within 0 s; main at "), done.stderr


def test_what_is_done_in_time_is_left_alone() -> None:
    done = _run("with within(0.1, 'the step'):\n  pass\ntime.sleep(0.3)\nprint(signal.getitimer(signal.ITIMER_REAL))")
    assert done.stdout == "(0.0, 0.0)\n"
