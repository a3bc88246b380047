"""The command line of the collector, on a real database."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from services.collector.__main__ import main
from services.collector.domain.source import hash_of
from services.collector.doors import Doors
from services.collector.storage import Storage
from shared import mongo

Run = Callable[..., Result]


@pytest.fixture
def storage(mongo_server: MongoServer) -> Iterator[Storage]:
    client: MongoClient[mongo.Document] = MongoClient(mongo_server.uri(), tz_aware=True)
    yield Storage(mongo.durable(client["sambandh_commands"]))
    client.drop_database("sambandh_commands")
    client.close()


@pytest.fixture
def run(mongo_server: MongoServer, storage: Storage) -> Run:
    environment = {"MONGO_URI": mongo_server.uri(), "MONGO_DATABASE": "sambandh_commands", "COLUMNS": "200"}

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**environment, **more})

    return run


def test_adding_a_source_shows_its_key_once_and_stores_its_hash(run: Run, storage: Storage) -> None:
    result = run("sources", "add", "Till", "--kind", "pos")
    key = result.output.strip()
    source = storage.sources.find("Till")
    assert (result.exit_code, key.startswith("wk_"), len(key)) == (0, True, 46)
    assert source is not None
    assert (source.key_hash, source.kind, source.enabled) == (hash_of(key), "pos", True)
    assert "Till" in run("sources", "list").output
    assert key not in run("sources", "list").output


def test_a_second_source_of_that_name_is_refused(run: Run) -> None:
    run("sources", "add", "Till")
    result = run("sources", "add", "Till")
    assert (result.exit_code, "already" in result.output) == (1, True)


def test_rotating_gives_a_new_key_and_keeps_the_old_one_for_a_while(run: Run, storage: Storage) -> None:
    old = run("sources", "add", "Till").output.strip()
    new = run("sources", "rotate", "Till", "--grace-hours", "2").output.strip()
    source = storage.sources.find("Till")
    assert source is not None
    assert (source.key_hash, source.previous_hash) == (hash_of(new), hash_of(old))
    assert source.previous_until is not None
    assert source.previous_until > datetime.now(UTC)


def test_disable_and_enable_switch_a_source(run: Run, storage: Storage) -> None:
    run("sources", "add", "Till")
    run("sources", "disable", "Till")
    disabled = storage.sources.find("Till")
    run("sources", "enable", "Till")
    enabled = storage.sources.find("Till")
    assert disabled is not None
    assert enabled is not None
    assert (disabled.enabled, enabled.enabled) == (False, True)


def test_ensure_can_be_repeated_and_brings_a_source_back_to_its_key(run: Run, storage: Storage) -> None:
    for key in ("wk_one", "wk_one", "wk_two"):
        assert run("sources", "ensure", "Web shop", SAMBANDH_WRITE_KEY=key).exit_code == 0
    (source,) = storage.sources.all()
    assert source.key_hash == hash_of("wk_two")


@pytest.mark.parametrize("command", ["rotate", "disable", "enable"])
def test_an_unknown_source_is_named(run: Run, command: str) -> None:
    result = run("sources", command, "Nowhere")
    assert (result.exit_code, "'Nowhere'" in result.output) == (1, True)


def test_the_quarantine_can_be_looked_into(run: Run, storage: Storage) -> None:
    key = run("sources", "add", "Web shop").output.strip()
    body = b'{"batch":[{"type":"track","event":"x"}],"writeKey":"' + key.encode() + b'"}'
    Doors(storage).ingest("batch", {}, body, datetime.now(UTC))
    (row,) = storage.quarantine.newest({}, None, 2)
    listed = run("quarantine", "list", "--code", "missing_identity")
    assert (row["_id"] in listed.output, "missing_identity" in listed.output) == (True, True)
    shown = run("quarantine", "show", row["_id"])
    assert '{"type":"track","event":"x"}' in shown.output
    assert run("quarantine", "show", "nothing").exit_code == 1


def test_an_outage_is_one_line_that_says_what_to_do(run: Run) -> None:
    result = run("sources", "list", MONGO_URI="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")
    assert (result.exit_code, "MONGO_URI" in result.output, "Traceback" in result.output) == (1, True, False)


def test_a_file_of_a_till_waits_for_a_running_collector(run: Run, storage: Storage, tmp_path: Path) -> None:
    run("sources", "add", "Till", "--kind", "pos")
    file = tmp_path / "may.csv"
    file.write_text("receipt,time,total,phone\n1,2026-05-01,5,+919812345678\n")
    result = run("import-till", str(file), "--source", "Till", "--settings", '{"store": "S1", "currency": "INR"}', "--no-wait")
    assert (result.exit_code, "1 parts of may.csv are waiting" in result.output) == (0, True)
    row = storage.imports.next()
    assert row is not None
    assert (row["bytes_total"], row["settings"]["store"], b"".join(storage.imports.parts(row["_id"]))) == (
        file.stat().st_size,
        "S1",
        file.read_bytes(),
    )
    assert run("import-till", str(file), "--source", "Till", "--settings", '{"timezone": "Mars"}').exit_code == 1
    assert run("import-till", str(file), "--source", "nobody").exit_code == 1
