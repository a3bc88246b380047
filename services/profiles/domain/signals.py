"""What a customer shows besides buying: habits, interests, searches, reviews and answers.

Facts of one identity key are one of these, those of a customer one for each key: joining them is left to whoever asks, since most looks
at a customer do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from services.profiles.domain.habits import Habits, merge_habits
from services.profiles.domain.interests import Interests, merge_interests
from services.profiles.domain.opinions import Answers, Reviews, Searches, merge_answers, merge_reviews, merge_searches


@dataclass(frozen=True, slots=True)
class Signals:
    """How somebody comes, what they are interested in, what they look for, and what they say."""

    habits: Habits = field(default_factory=Habits)
    interests: Interests = field(default_factory=dict)
    searches: Searches = field(default_factory=dict)
    reviews: Reviews = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)


def merge_signals(signals: Sequence[Signals]) -> Signals:
    """All of them as one, in whatever order they are given."""
    return reduce(_joined, signals) if signals else Signals()


def _joined(left: Signals, right: Signals) -> Signals:
    return Signals(
        merge_habits(left.habits, right.habits),
        merge_interests(left.interests, right.interests),
        merge_searches(left.searches, right.searches),
        merge_reviews(left.reviews, right.reviews),
        merge_answers(left.answers, right.answers),
    )
