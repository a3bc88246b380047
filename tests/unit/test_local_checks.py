"""What stops a start: one line that names the problem and what to do about it."""

import dataclasses
import json
import shutil
import socket
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import broker_package, checks, debian_package
from deploy.local.credentials import Credentials, write_private
from deploy.local.errors import StackError
from deploy.local.settings import SERVICES, Settings, free_ports

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.on_free_ports(tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def with_port(settings: Settings, name: str, port: int) -> Settings:
    return dataclasses.replace(settings, ports={**settings.ports, name: port})


def message(fault: pytest.ExceptionInfo[StackError]) -> str:
    text = str(fault.value)
    assert "\n" not in text
    return text


def test_free_ports_pass(settings: Settings) -> None:
    checks.check_ports(settings)


def test_free_ports_are_not_given_twice_nor_taken_by_outgoing_connections() -> None:
    found = [port for _ in range(50) for port in free_ports(5)]
    assert len(set(found)) == 250
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(found) < max(first_outgoing, 20_000)


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(settings: Settings, taken_port: int) -> None:
    with pytest.raises(StackError) as fault:
        checks.check_ports(with_port(settings, "GATEWAY_PORT", taken_port))
    assert f"port {taken_port} (GATEWAY_PORT) is in use" in message(fault)
    assert "set GATEWAY_PORT to another port" in message(fault)


def test_a_port_given_twice_is_named_with_both_users(settings: Settings) -> None:
    with pytest.raises(StackError, match="MONGO_PORT and AMQP_PORT: give each its own"):
        checks.check_ports(with_port(settings, "AMQP_PORT", settings.ports["MONGO_PORT"]))


def test_ports_of_servers_that_are_not_started_are_not_looked_at(settings: Settings, taken_port: int) -> None:
    own_servers = dataclasses.replace(settings, mongo_uri="mongodb://elsewhere", amqp_uri="amqp://elsewhere")
    checks.check_ports(with_port(with_port(own_servers, "MONGO_PORT", taken_port), "EPMD_PORT", taken_port))


def test_a_full_disk_is_told_in_megabytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 10**12 - 5 * 10**6, 5 * 10**6))
    with pytest.raises(StackError, match=r"only 5 MB free for .* 1000 MB are needed: .* SAMBANDH_RUN_DIR"):
        checks.check_disk(tmp_path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(StackError) as fault:
        checks.check_directory(blocked / "run")
    assert str(blocked / "run") in message(fault)
    assert "set SAMBANDH_RUN_DIR" in message(fault)


def test_a_missing_broker_without_sudo_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(broker_package, "installed", lambda: False)
    monkeypatch.setattr(debian_package.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    with pytest.raises(StackError, match="no sudo to install it with: install it with `apt-get install rabbitmq-server` as root"):
        broker_package.ensure_broker(tmp_path / "apt.log", print)


def test_all_bad_numbers_are_told_at_once() -> None:
    with pytest.raises(StackError) as fault:
        Settings.from_environment({"GATEWAY_PORT": "eighty", "MONGO_PORT": "70000", "GATEWAY_API_RATE": "0"})
    assert [word in message(fault) for word in ("GATEWAY_PORT", "MONGO_PORT", "GATEWAY_API_RATE")] == [True] * 3


def test_our_own_servers_in_the_environment_are_not_taken_for_the_users() -> None:
    own = {
        "AMQP_URI": "amqp://admin:x@127.0.0.1:5772/sambandh",
        "MONGO_URI": "mongodb://admin:x@127.0.0.1:27117/?authSource=admin",
    }
    users = {"AMQP_URI": "amqp://me:x@broker:5672/shop", "MONGO_URI": "mongodb://127.0.0.1:27017/"}
    read = [(settings.amqp_uri, settings.mongo_uri) for settings in map(Settings.from_environment, (own, users))]
    assert read == [(None, None), (users["AMQP_URI"], users["MONGO_URI"])]


def test_services_take_their_ports_in_order_from_the_base() -> None:
    settings = Settings.from_environment({"SERVICE_PORT_BASE": "9000"})
    assert [settings.services[name].api for name in SERVICES] == list(range(9001, 9008))
    assert [settings.services[name].metrics for name in SERVICES] == list(range(9051, 9058))


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = Credentials.load_or_create(file)
    assert Credentials.load_or_create(file) == made
    assert file.stat().st_mode & 0o777 == 0o600


def test_secrets_of_an_earlier_version_are_kept_and_get_a_key_that_signs_tokens(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = Credentials.load_or_create(file)
    earlier = {name: value for name, value in dataclasses.asdict(made).items() if name != "signing_key"}
    file.write_text(json.dumps({**earlier, "api_token": "st_former"}))
    found = Credentials.load_or_create(file)
    assert dataclasses.replace(found, signing_key=made.signing_key) == made
    assert found.signing_key != made.signing_key
    assert Credentials.load_or_create(file) == found


def test_a_private_file_that_was_open_for_all_is_closed_by_the_next_write(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o600)


def test_damaged_secrets_say_what_to_remove(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text("{}")
    with pytest.raises(StackError, match=f"remove {tmp_path}"):
        Credentials.load_or_create(file)
