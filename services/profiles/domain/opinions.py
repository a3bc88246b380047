"""What a customer says: reviews of products and answers to surveys. What was written stays where it was written.

Of each the latest are kept, by time and then id: what is among them at the end was so at every time before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

MOST_REVIEWS, MOST_ANSWERS = 50, 50


class _Dated(Protocol):
    @property
    def stamp(self) -> tuple[datetime, str]: ...


D = TypeVar("D", bound=_Dated)


@dataclass(frozen=True, slots=True)
class Review:
    """A product was reviewed; `rating` as the shop writes it: `4`, `4/5`."""

    at: datetime
    event_id: str
    product_id: str
    rating: str | None = None

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


@dataclass(frozen=True, slots=True)
class Answer:
    """A survey was answered with a score: `kind` is `nps` (0 to 10), `csat` (1 to 5) or `ces` (1 to 7)."""

    at: datetime
    event_id: str
    survey_id: str
    kind: str
    score: int

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


Reviews = dict[str, Review]  # by review id
Answers = dict[str, Answer]  # by response id


def review(reviews: Reviews, review_id: str, given: Review) -> Reviews:
    """Hear of a review; of two with one id the later is the review."""
    return _heard(reviews, review_id, given, MOST_REVIEWS)


def answer(answers: Answers, response_id: str, given: Answer) -> Answers:
    """Hear of an answer; of two with one id the later is the answer."""
    return _heard(answers, response_id, given, MOST_ANSWERS)


def merge_reviews(left: Reviews, right: Reviews) -> Reviews:
    return _merged(left, right, MOST_REVIEWS)


def merge_answers(left: Answers, right: Answers) -> Answers:
    return _merged(left, right, MOST_ANSWERS)


def _heard(known: dict[str, D], name: str, said: D, most: int) -> dict[str, D]:
    before = known.get(name)
    if before is not None and before.stamp >= said.stamp:
        return known
    latest = {**known, name: said}
    if len(latest) <= most:
        return latest
    earliest = min(latest, key=lambda one: (latest[one].stamp, one))
    if earliest == name:
        return known
    del latest[earliest]
    return latest


def _merged(left: Mapping[str, D], right: Mapping[str, D], most: int) -> dict[str, D]:
    """The latest of both. Commutative, associative, idempotent."""
    merged = dict(left)
    for name, said in right.items():
        merged = _heard(merged, name, said, most)
    return merged
