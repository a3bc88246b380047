"""How names sound, as keys that are the same in every script.

A key is `SKELETON:VOWELLED`. The skeleton has the consonants, in classes that romanisation mixes up (t and th, s and sh), and an A for
any vowel at the beginning. The vowelled part also has the vowels that people write alike, i (ee, y) and u (o, oo, ou); a and e come and
go (`Paramjit`, `Parmjeet`) and are left out. A word in the Arabic script has no vowelled part: it meets others by its skeleton, while
those are held apart by their vowels. `gurpreet`, ਗੁਰਪ੍ਰੀਤ, ગુરપ્રીત and గుర్‌ప్రీత్ are `GRPRT:GURPRIT`, گرپریت is `GRPRT:`.

Letters that are read in two ways (Urdu و is v or u) make several keys, few and bounded.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise, product

from services.profiles.domain.names import arabic, indic, latin
from services.profiles.domain.names.fold import folded_word, words

MOST_READINGS = 8  # of a word
MOST_KEYS = 48  # of a name
_MOST_WORDS = 8
_FEWEST = 2  # consonants by which a word that goes on may be found
_SAME = re.compile(r"(.)\1+")
_STEPS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("^i"), "I"),
    (re.compile("^u"), "U"),
    (re.compile("^a[iu]?"), "A"),
    (re.compile("~Ha?$"), "NG"),  # Hindi writes Singh with an h
    (re.compile("~(?=M)"), ""),  # Punjabi doubles an m by it
    (re.compile("~"), "N"),
    (re.compile("(?<!^)Y"), ""),
    (re.compile("[ae]i"), "a"),
    (re.compile("[ae]u"), "u"),
    (re.compile("i(?=H)"), "a"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile("[ae]"), ""),
    (re.compile("N(?=[BPF])"), "M"),
    (re.compile("(?<=.)H$"), ""),
)

Pattern = tuple[str, ...]  # regular expressions of keys, of which one has to fit


@lru_cache(maxsize=1 << 14)
def sounds_of(name: str) -> tuple[str, ...]:
    """The keys of a name's words and of neighbouring words taken as one, for `Har Preet` is `Harpreet`. Bounded by MOST_KEYS."""
    parts = words(name)[:_MOST_WORDS]
    keys = {key for part in (*parts, *_joined(parts)) for key in _keys(part)}
    return tuple(sorted(keys)[:MOST_KEYS])


def patterns_of(asked: str) -> list[list[Pattern]]:
    """What the keys of a name have to be like that somebody looks for who may still be typing the words of `asked`.

    One of the alternatives has to hold; in it all patterns, each by one key. Words that have no sound here (of another script, digits)
    have an empty pattern, which nothing meets.
    """
    parts = words(asked)[:_MOST_WORDS]
    wholes = [[*parts[:place], left + right, *parts[place + 2 :]] for place, (left, right) in enumerate(pairwise(parts))]
    found = [[_pattern(word) for word in alternative] for alternative in (parts, *wholes)]
    return [alternative for alternative in found if alternative and all(alternative)]


def _pattern(word: str) -> Pattern:
    bare = folded_word(word)
    candidates = latin.might_go_on(bare) if _is_latin(bare) else (word,)
    return tuple(sorted({_regex(key) for candidate in candidates for key in _keys(candidate)}))


def _regex(key: str) -> str:
    """Keys that begin like this one. A single consonant is found by whole words only: too many names begin with it."""
    skeleton, _, vowelled = key.partition(":")
    short = len(skeleton) < _FEWEST
    if not vowelled:
        return f"^{skeleton}:" if short else f"^{skeleton}"
    return f"^{skeleton}:({vowelled})?$" if short else f"^{skeleton}[A-Z]*:({vowelled}|$)"


@lru_cache(maxsize=1 << 14)
def _keys(word: str) -> tuple[str, ...]:
    """The keys of one word; none for a word without a sound here."""
    bare = folded_word(word)
    if _is_latin(bare):
        return tuple(_vowelled(latin.raw_readings(bare)))
    if all(map(indic.is_of_here, word)):
        return tuple(_vowelled(_spelled_out(indic.raw_readings(word))))
    if all(map(arabic.is_of_here, word)):
        return tuple(_skeletons(_spelled_out(arabic.raw_readings(word))))
    return ()


def _is_latin(word: str) -> bool:
    return word.isascii() and word.isalpha()


def _spelled_out(readings: Sequence[Sequence[str]]) -> list[str]:
    """The readings of a word out of those of its letters; of too many the first."""
    found: list[str] = []
    for sounds in product(*readings):
        found.append("".join(sounds))
        if len(found) == MOST_READINGS:
            break
    return found


def _vowelled(raw: Iterable[str]) -> list[str]:
    begun = [first + one.removeprefix("e") for one in raw for first in (("a", "i") if one.startswith("e") else ("",))]
    sounds = dict.fromkeys(map(_settled, begun))  # Ehsan is Ihsan, and Elizabeth begins with ai elsewhere
    return [f"{_skeleton(one)}:{one}" for one in sounds if one]


def _skeletons(raw: Iterable[str]) -> list[str]:
    skeletons = dict.fromkeys(_skeleton(_settled(one)) for one in raw)
    return [f"{one}:" for one in skeletons if one]


def _settled(raw: str) -> str:
    """Sounds as written in a key: neighbours have changed each other, vowels that come and go are gone."""
    for pattern, instead in _STEPS:
        raw = pattern.sub(instead, raw)
    return raw.upper()


def _skeleton(sounds: str) -> str:
    first = "A" if sounds[:1] in ("A", "I", "U") else sounds[:1]
    return _SAME.sub(r"\1", first + re.sub("[AIU]", "", sounds[1:]))


def _joined(parts: Sequence[str]) -> list[str]:
    return [left + right for left, right in pairwise(parts)]
