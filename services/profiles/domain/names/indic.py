"""Gurmukhi, Gujarati, Telugu, and their siblings Devanagari, Bengali, Oriya, Tamil, Kannada and Malayalam.

Unicode gives these scripts one layout, after the Indian standard ISCII: letter n of each block is the same letter. So one table by
offset serves them all, with what a script has beside it. Sounds are those of `latin`; `~` is a nasal that takes after its neighbour.
Vowels that a consonant carries unwritten count as `a`.
"""

import re
from collections.abc import Iterator, Mapping

BLOCKS: Mapping[str, int] = {
    "Deva": 0x0900, "Beng": 0x0980, "Guru": 0x0A00, "Gujr": 0x0A80, "Orya": 0x0B00, "Taml": 0x0B80, "Telu": 0x0C00,
    "Knda": 0x0C80, "Mlym": 0x0D00,
}  # fmt: skip
_FIRST, _LAST = 0x0900, 0x0D7F
_GURMUKHI, _TELUGU = BLOCKS["Guru"], BLOCKS["Telu"]

# Offset -> sound; where a letter is read in two ways, both, parted by |.
_VOWELS_FROM_05 = "a a i i u u Ri|Ru Ri|Ru e e e a u u u u"  # to 14; the vowel signs 3E to 4C are those from the second on
_CONSONANTS_FROM_15 = "K K G G N C C J|Z J|Z N T T D D N T T D D N N P F B B M Y R R L L L V S S S H"  # to 39
_VOWELS, _CONSONANTS = _VOWELS_FROM_05.split(), _CONSONANTS_FROM_15.split()
_NUKTA_SOUNDS: Mapping[int, str] = {0x1C: "Z", 0x1D: "Z", 0x21: "R|D", 0x22: "R|D"}
_NUKTA, _VIRAMA, _ADDAK, _TIPPI, _YAKASH = 0x3C, 0x4D, 0x71, 0x70, 0x75
_NASALS = {0x01, 0x02}
_BESIDE: Mapping[int, str] = {  # what a script has beyond the common layout, by code point
    _GURMUKHI + 0x5C: "R", _GURMUKHI + _YAKASH: "Y", _TELUGU + 0x58: "C", _TELUGU + 0x59: "J|Z", _TELUGU + 0x5A: "R",
}  # fmt: skip

# Gurmukhi vowels that were typed as a bearer and a sign look like, and are, the whole letter.
_WHOLE: Mapping[str, str] = {
    "ੲਿ": "ਇ", "ੲੀ": "ਈ", "ੲੇ": "ਏ", "ੳੁ": "ਉ", "ੳੂ": "ਊ", "ੳੋ": "ਓ", "ਅਾ": "ਆ", "ਅੈ": "ਐ", "ਅੌ": "ਔ",
}  # fmt: skip
_PARTS = re.compile("|".join(_WHOLE))
_SOFTENED = re.compile("[ਅ-ਹ]ਹਿ")  # read e: Mehta, Rehman, Ahmed

# Letters that are one when somebody looks for a name: nuktas and signs that are left out in haste, nasals, old letters.
VARIANTS: Mapping[str, str] = {
    **{chr(base + _NUKTA): "" for base in BLOCKS.values()},
    **{chr(base + 0x01): chr(base + 0x02) for base in BLOCKS.values()},
    chr(_GURMUKHI + _TIPPI): chr(_GURMUKHI + 0x02),
    chr(_GURMUKHI + _ADDAK): "",
    chr(_TELUGU + 0x31): chr(_TELUGU + 0x30),
    chr(_TELUGU + 0x58): chr(_TELUGU + 0x1A),
    chr(_TELUGU + 0x59): chr(_TELUGU + 0x1C),
    "ૉ": "ો",
}


def whole_vowels(text: str) -> str:
    """A text with vowels that were typed in two parts as one letter."""
    return _PARTS.sub(lambda found: _WHOLE[found[0]], text)


def is_of_here(character: str) -> bool:
    """Whether a letter or sign belongs to one of these scripts."""
    return _FIRST <= ord(character) <= _LAST


def raw_readings(word: str) -> list[list[str]]:
    """The sounds of a word, sign by sign; of each sign all that it may stand for."""
    rao = word.endswith("వు")  # Telugu writes Rao with its v
    readings = [sounds.split("|") for sounds in _sounds(_without_joined(word))]
    return [*readings[:-2], ["Vu", "u"]] if rao else readings


def _without_joined(word: str) -> str:
    """The conjunct that is written j-n and read g-n, spelled as it is read."""
    for base in BLOCKS.values():
        joined = chr(base + 0x1C) + chr(base + _VIRAMA) + chr(base + 0x1E)
        word = word.replace(joined, chr(base + 0x17) + chr(base + _VIRAMA) + chr(base + 0x28))
    return word


def _sounds(word: str) -> Iterator[str]:
    last = len(word) - 1
    for place, character in enumerate(word):
        offset = ord(character) % 0x80
        after = ord(word[place + 1]) % 0x80 if place < last else None
        consonant = _consonant(character, offset, after)
        if consonant:
            subjoined_h = consonant == "H" and place > 0 and ord(word[place - 1]) % 0x80 == _VIRAMA
            yield "" if subjoined_h else consonant
            if _carries_vowel(word, place):
                yield "a"
        elif offset in _NASALS or (offset == _TIPPI and _block(character) == _GURMUKHI):
            yield "~|" if place == last else "~"
        elif _block(character) == _GURMUKHI and _SOFTENED.match(word, max(place - 2, 0)):
            yield "e"
        else:
            yield _vowel(offset)


def _consonant(character: str, offset: int, after: int | None) -> str:
    if ord(character) in _BESIDE:
        return _BESIDE[ord(character)]
    if not 0x15 <= offset <= 0x39:
        return ""
    return (_NUKTA_SOUNDS.get(offset) if after == _NUKTA else None) or _CONSONANTS[offset - 0x15]


def _vowel(offset: int) -> str:
    if 0x05 <= offset <= 0x14:
        return _VOWELS[offset - 0x05]
    return _VOWELS[offset - 0x3E + 1] if 0x3E <= offset <= 0x4C else ""


def _carries_vowel(word: str, place: int) -> bool:
    """Whether a consonant is read with the vowel that nobody writes: neither a vowel sign nor a virama follows."""
    rest = (ord(character) % 0x80 for character in word[place + 1 :])
    follower = next((offset for offset in rest if offset != _NUKTA), None)
    return follower is None or not 0x3E <= follower <= _VIRAMA


def _block(character: str) -> int:
    return ord(character) - ord(character) % 0x80
