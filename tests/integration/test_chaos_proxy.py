"""The proxy that chaos puts between the parts: what it does to a connection when it is told to."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from chaos.proxy.behaviour import CLEAR, Behaviour, Weather
from chaos.system.links import told
from deploy.local.settings import REPOSITORY, free_ports

HOST = "127.0.0.1"


class Line:
    """An echo behind the proxy, the proxy, and a client in front of it."""

    def __init__(self) -> None:
        self.control, self.front, self.dead_end, nobody = free_ports(4)
        self._server = socket.create_server((HOST, 0))
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()
        link = f"line:{self.front}:{self._server.getsockname()[1]}"
        command = [sys.executable, "-m", "chaos.proxy", "--control", str(self.control), "--link", link]
        command += ["--link", f"dead end:{self.dead_end}:{nobody}"]
        self._process = subprocess.Popen(command, cwd=REPOSITORY)
        until(self._answers)

    def client(self) -> socket.socket:
        return socket.create_connection((HOST, self.front), timeout=20)

    def weather(self, weather: Weather) -> None:
        told(self.control, {"link": "line", "weather": weather.to_json()})

    def reset(self) -> None:
        told(self.control, {"link": "line", "reset": True})

    def taken(self) -> int:
        return told(self.control, {"link": "line"})["taken"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65_536):
                self.heard += data
                connection.sendall(data)
        except OSError:
            return

    def _answers(self) -> bool:
        try:
            return self.taken() >= 0
        except OSError:
            return False


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def received(client: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or what came before the end. To green sockets, which tests use, a reset is an end as well."""
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def test_bytes_go_through_both_ways_unchanged(line: Line) -> None:
    with line.client() as client:
        sent = bytes(range(256)) * 2000
        threading.Thread(target=client.sendall, args=(sent,)).start()
        assert received(client, len(sent)) == sent


def test_a_black_hole_takes_bytes_and_gives_none_on(line: Line) -> None:
    with line.client() as client:
        line.weather(Weather(up=Behaviour(black_hole=True)))
        client.sendall(b"lost")
        until(lambda: line.taken() == 4)
        line.weather(CLEAR)
        client.sendall(b"found")
        assert received(client, 5) == b"found"
        assert line.heard == b"found"


def test_answers_that_are_held_come_when_they_are_let_go(line: Line) -> None:
    with line.client() as client:
        line.weather(Weather(down=Behaviour(hold=True)))
        client.sendall(b"held")
        until(lambda: line.taken() == 8)
        assert line.heard == b"held"
        line.weather(CLEAR)
        assert received(client, 4) == b"held"


def test_a_connection_is_cut_in_the_middle_of_what_it_carries(line: Line) -> None:
    line.weather(Weather(up=Behaviour(cut_after=6)))
    with line.client() as client:
        client.sendall(b"0123456789")
        assert received(client, 100) == b""
    until(lambda: len(line.heard) > 0)
    assert b"012345".startswith(line.heard)


def test_a_reset_ends_open_connections_and_lets_new_ones_through(line: Line) -> None:
    with line.client() as client:
        client.sendall(b"one")
        assert received(client, 3) == b"one"
        line.reset()
        assert received(client, 1) == b""
    with line.client() as client:
        client.sendall(b"two")
        assert received(client, 3) == b"two"


def test_late_and_slow_bytes_arrive_all_the_same(line: Line) -> None:
    line.weather(Weather(Behaviour(delay=0.01, rate=20_000), Behaviour(delay=0.01)))
    with line.client() as client:
        client.sendall(b"x" * 5000)
        assert received(client, 5000) == b"x" * 5000


def test_whoever_calls_while_the_server_is_away_is_turned_away(line: Line) -> None:
    with suppress(ConnectionResetError), socket.create_connection((HOST, line.dead_end), timeout=20) as client:
        assert received(client, 1) == b""
