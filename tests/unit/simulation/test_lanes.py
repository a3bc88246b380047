"""What replicas write so that they do not meet, and what they remember so that they do not repeat themselves."""

from tests.simulation.simulation import simulate


def test_replicas_add_to_rows_of_their_own() -> None:
    lanes = set()
    for seed in range(4):
        figures = simulate(seed, "calm").servers["toy"].documents("figures")
        lanes |= {row["_id"].rpartition("#")[2] for row in figures}
    assert {"0", "1"} <= lanes


def test_what_was_announced_is_not_announced_again() -> None:
    run = simulate(0, "calm")
    queue = run.broker.queues["subscriber"]
    identities = [message.headers["ce-id"] for message in queue.ready]
    assert len(identities) == len(set(identities)), "nothing failed, so nothing had to be published twice"
