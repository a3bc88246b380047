"""The watchdog, in a process of its own, since it ends one."""

import subprocess
import sys
import textwrap

import pytest

from deploy.local.settings import REPOSITORY

STUCK = """
    with WATCHDOG.watching(0.2):
        while True:
            pass
"""
WITHOUT_A_TURN_OF_THE_INTERPRETER = """
    with WATCHDOG.watching(0.2):
        re.match("(a*)*b", "a" * 40)
"""
BEHIND_ANOTHER = """
    with WATCHDOG.watching(60), WATCHDOG.watching(0.2):
        time.sleep(60)
"""
BESIDE_ONE_THAT_ENDED = """
    with WATCHDOG.watching(0.2):
        with WATCHDOG.watching(0.1):
            pass
        time.sleep(60)
"""
IN_TIME = """
    with WATCHDOG.watching(0.2):
        pass
    time.sleep(0.4)
"""
WITHOUT_A_LIMIT = """
    with WATCHDOG.watching(0):
        time.sleep(0.4)
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    program = "import re, time\nfrom shared.watchdog import WATCHDOG\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("code", [STUCK, WITHOUT_A_TURN_OF_THE_INTERPRETER, BEHIND_ANOTHER, BESIDE_ONE_THAT_ENDED])
def test_what_does_not_end_ends_its_process_and_says_where_it_was(code: str) -> None:
    done = _run(code)
    assert done.returncode == 1
    assert 'File "<string>", line' in done.stderr


@pytest.mark.parametrize("code", [IN_TIME, WITHOUT_A_LIMIT])
def test_what_ends_in_time_is_left_alone(code: str) -> None:
    assert _run(code).returncode == 0
