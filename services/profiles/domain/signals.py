"""What a customer shows besides buying: interests, reviews of products, and answers to surveys.

Facts of one identity key are one of these, those of a customer one for each key: joining them is left to whoever asks, since most looks
at a customer do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from services.profiles.domain.interests import Interests, merge_interests
from services.profiles.domain.opinions import Answers, Reviews, merge_answers, merge_reviews


@dataclass(frozen=True, slots=True)
class Signals:
    """What somebody is interested in, and what they say."""

    interests: Interests = field(default_factory=dict)
    reviews: Reviews = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)


def merge_signals(signals: Sequence[Signals]) -> Signals:
    """All of them as one, in whatever order they are given."""
    return reduce(_joined, signals) if signals else Signals()


def _joined(left: Signals, right: Signals) -> Signals:
    return Signals(
        merge_interests(left.interests, right.interests),
        merge_reviews(left.reviews, right.reviews),
        merge_answers(left.answers, right.answers),
    )
