"""Processes of the local stack: strangers are left alone, leftovers are found, what dies is started again."""

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import StackError
from deploy.local.processes import Process, ProcessId, last_line, rotate, wait_until
from deploy.local.supervisor import Watch


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    sleeper = Process("sleeper", ["sleep", "60"], tmp_path)
    yield sleeper
    sleeper.kill()


def test_a_pid_that_now_belongs_to_a_stranger_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        found = ProcessId.of(stranger.pid)
        assert found is not None
        stale = Process("stale", ["sleep", "60"], tmp_path)
        dataclasses.replace(found, started="1").write(stale.pid_file)
        stale.stop()
        stale.kill()
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_of_an_earlier_run_is_found_and_stopped(process: Process, tmp_path: Path) -> None:
    process.start()
    later = Process("sleeper", ["sleep", "60"], tmp_path)
    assert later.id == process.id
    later.terminate()
    process.wait()
    assert later.id is None
    assert not later.pid_file.exists()


def test_a_process_that_ignores_the_request_is_killed_after_its_grace(tmp_path: Path) -> None:
    stubborn = Process(
        "stubborn", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"], tmp_path, grace_seconds=0.2
    )
    stubborn.start()
    wait_until(lambda: "deaf" in stubborn.log.read_text(), stubborn, 10)
    stubborn.stop()
    assert stubborn.id is None
    assert stubborn.exit_code == -9


def test_a_process_that_dies_while_it_is_needed_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = Process("broken", ["sh", "-c", "echo no such database; exit 3"], tmp_path)
    broken.start()
    with pytest.raises(StackError, match=r"broken stopped while starting \(exit code 3\): no such database"):
        wait_until(lambda: False, broken, 10)


def test_a_damaged_pid_file_is_nobody(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    file.write_text("12")
    assert ProcessId.read(file) is None


def test_this_process_is_itself() -> None:
    own = ProcessId.of(os.getpid())
    assert own is not None
    assert own.alive()


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log" / "x.log"
    rotate(log)
    log.write_text("first\n\n")
    assert last_line(log) == "first"
    rotate(log)
    assert not log.exists()
    assert log.with_name("x.log.1").read_text() == "first\n\n"


def test_what_dies_is_started_again_after_a_growing_pause(process: Process) -> None:
    process.start()
    watch = Watch(process, started=0.0)
    assert watch.look(1.0) is None
    pauses = []
    now = 2.0
    for _ in range(7):
        process.kill()
        line = watch.look(now)
        assert line is not None
        assert "starting it again" in line
        assert watch.due is not None
        pauses.append(watch.due - now)
        assert watch.look(watch.due - 0.01) is None
        now = watch.due
        assert "started again" in (watch.look(now) or "")
        assert process.id is not None
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_a_process_that_ran_for_long_is_started_again_at_once(process: Process) -> None:
    watch = Watch(process, started=0.0, pause=30.0)
    assert "in 1 s" in (watch.look(100.0) or "")
