"""How fast the relay publishes what stands in an outbox, beside kombu with a confirm for each message. Both fill the same quorum queue."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from statistics import median

import amqp

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, ratio
from benchmarks.processor import Meter
from benchmarks.system import System, wait_until
from benchmarks.trial import Trial
from benchmarks.workload import Shop
from deploy.local.processes import Process
from deploy.local.settings import REPOSITORY
from shared import broker
from shared.outbox import PACK

QUEUE = "bench.published"
_EXCHANGE = "profiles.events"
_FEWEST = 500


def run(system: System, options: Options) -> Outcome:
    """The relay of the profiles worker, and kombu, in turn."""
    system.declare(["profiles"])
    connection = broker.connect(system.rabbit.uri(), "bench-relay")
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(QUEUE, _EXCHANGE, "#")
    worker = system.service("profiles")
    system.await_ready(["profiles"])
    ours, kombu = [], []
    messages = _FEWEST
    for _ in range(options.trials):
        kombu.append(_with_kombu(system, channel, messages))
        messages = max(_FEWEST, int(kombu[-1].rate * options.seconds))
        ours.append(_with_relay(system, worker, channel, 4 * messages))
    system.stop([worker])
    broker.close(connection)
    raw = {"relay": [asdict(one) for one in ours], "kombu": [asdict(one) for one in kombu]}
    return Outcome(
        rows(ours, kombu), raw, "orders of 1 KB, persistent, into a quorum queue; the relay reads and deletes its rows too"
    )


def rows(ours: list[Trial], kombu: list[Trial]) -> list[Row]:
    rates = median(one.rate for one in ours), median(one.rate for one in kombu)
    return [
        Row("publish: messages a second by the relay", rates[0], "messages/s"),
        Row("publish: messages a second by kombu with a confirm each", rates[1], "messages/s"),
        Row("publish: relay beside kombu", ratio(*rates), "times", Aim(6)),
    ]


def _with_relay(system: System, worker: Process, channel: amqp.Channel, messages: int) -> Trial:
    """Fill the outbox while the worker stands still, then measure until it is empty and the queue has everything."""
    outbox = system.client["sambandh_profiles"]["outbox"]
    now = datetime.now(UTC)
    events = [replace(event, source="profiles") for event in Shop(messages).first_orders()]
    assert worker.id is not None, "the worker runs"
    os.kill(worker.id.pid, signal.SIGSTOP)
    packs = [events[start : start + PACK] for start in range(0, len(events), PACK)]
    outbox.insert_many([{"pending_since": now, "events": [event.document() for event in pack]} for pack in packs], ordered=False)
    groups = {"services": [worker], "mongod": [system.mongo.process], "rabbitmq": [system.rabbit.process]}
    meter, began = Meter(groups), time.monotonic()
    os.kill(worker.id.pid, signal.SIGCONT)
    wait_until(lambda: outbox.find_one({}, {"_id": 1}) is None, "the outbox is empty", poll=0.02)
    trial = Trial(messages, time.monotonic() - began, meter.spent())
    _check(channel, messages)
    return trial


def _with_kombu(system: System, channel: amqp.Channel, messages: int) -> Trial:
    meter = Meter({"rabbitmq": [system.rabbit.process]})
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.kombu_publisher", str(messages)]
    environment = {**os.environ, "AMQP_URI": system.rabbit.uri()}
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, check=True)
    told = json.loads(done.stdout)
    _check(channel, messages)
    return Trial(messages, told["seconds"], {"services": told["spent"], **meter.spent()})


def _check(channel: amqp.Channel, messages: int) -> None:
    """Hold what arrived against what was published, and forget it."""
    arrived = channel.queue_purge(QUEUE)
    if arrived != messages:
        raise RuntimeError(f"{messages} messages were published and {arrived} arrived")
