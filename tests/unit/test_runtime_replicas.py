"""How replicas share the partitions of an inbox."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.replicas import shares

QUEUES = [f"profiles.inbox.{number}" for number in range(4)]
REPLICAS = st.lists(st.uuids(version=4).map(str), min_size=1, max_size=9, unique=True)
ANY_QUEUES = st.integers(1, 16).map(lambda count: [f"queue.{number}" for number in range(count)])


@given(REPLICAS, ANY_QUEUES)
def test_every_partition_has_a_reader_and_no_replica_has_two_more_than_another(replicas: list[str], queues: list[str]) -> None:
    readers = shares(replicas, queues)
    assert set(readers) == set(queues)
    held = Counter(readers.values())
    assert max(held[replica] for replica in replicas) - min(held[replica] for replica in replicas) <= 1


@given(REPLICAS, st.randoms(use_true_random=False))
def test_all_replicas_come_to_the_same_answer(replicas: list[str], random: Random) -> None:
    shuffled = random.sample(replicas, len(replicas))
    assert shares(shuffled, QUEUES) == shares(replicas, QUEUES)


def test_nobody_reads_where_nobody_lives() -> None:
    assert shares([], QUEUES) == {}
