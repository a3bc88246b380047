"""In which language, script and direction a customer reads: as stated, else as far as the letters of their name tell.

What is stated goes first: the trait `language`, then `locale` (BCP 47: `pa-Arab-PK`, also with underscores). A name tells its script
for certain, and a language only where a script has one, or where letters are in it that only one language has. Latin letters tell no
language: half of the world writes its names in them.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

LTR, RTL = "ltr", "rtl"
RIGHT_TO_LEFT = frozenset({"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg"})

# First word of a letter's Unicode name -> ISO 15924.
_SCRIPTS: Mapping[str, str] = {
    "LATIN": "Latn", "ARABIC": "Arab", "GURMUKHI": "Guru", "GUJARATI": "Gujr", "TELUGU": "Telu", "DEVANAGARI": "Deva",
    "BENGALI": "Beng", "ORIYA": "Orya", "TAMIL": "Taml", "KANNADA": "Knda", "MALAYALAM": "Mlym", "SINHALA": "Sinh",
    "HEBREW": "Hebr", "SYRIAC": "Syrc", "THAANA": "Thaa", "NKO": "Nkoo", "ADLAM": "Adlm", "CYRILLIC": "Cyrl", "GREEK": "Grek",
    "ARMENIAN": "Armn", "GEORGIAN": "Geor", "THAI": "Thai", "HANGUL": "Kore", "HIRAGANA": "Jpan", "KATAKANA": "Jpan",
    "CJK": "Hani", "ETHIOPIC": "Ethi", "TIBETAN": "Tibt", "KHMER": "Khmr", "LAO": "Laoo", "MYANMAR": "Mymr",
}  # fmt: skip

# Language -> the script that it is usually written in, where that is not Latin.
_USUAL: Mapping[str, str] = {
    language: script
    for script, languages in {
        "Arab": "ar fa ur ps sd ks ug ckb pnb skr bal", "Hebr": "he yi", "Thaa": "dv", "Guru": "pa", "Gujr": "gu", "Telu": "te",
        "Deva": "hi mr ne sa kok mai bho", "Beng": "bn as", "Orya": "or", "Taml": "ta", "Knda": "kn", "Mlym": "ml", "Sinh": "si",
        "Cyrl": "ru uk bg sr mk be kk ky mn tg", "Grek": "el", "Armn": "hy", "Geor": "ka", "Thai": "th", "Kore": "ko",
        "Jpan": "ja", "Hani": "zh", "Ethi": "am ti", "Khmr": "km", "Laoo": "lo", "Mymr": "my",
    }.items()
    for language in languages.split()
}  # fmt: skip
_IN_PAKISTAN: Mapping[str, str] = {"pa": "Arab", "sd": "Arab"}

# Script -> the one language of it.
_ONLY: Mapping[str, str] = {"Guru": "pa", "Gujr": "gu", "Telu": "te", "Taml": "ta", "Knda": "kn", "Mlym": "ml", "Orya": "or"}

# Letters of the Arabic script that tell a language apart, those that fewest languages have first. Urdu letters stand in Punjabi too.
_TELLING: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset("ټډړږښځڅڼېۍګ"), "ps"),
    (frozenset("ݨࣇ"), "pa"),
    (frozenset("ٹڈڑںےھۂۃ"), "ur"),
)


@dataclass(frozen=True, slots=True)
class Writing:
    """`language` is a code of ISO 639, `script` of ISO 15924, `direction` `ltr` or `rtl`; each None where nothing tells."""

    language: str | None = None
    script: str | None = None
    direction: str | None = None


def writing_of(stated: Iterable[str], name: str | None) -> Writing:
    """How a customer reads, from language tags in the order of their weight, and the name."""
    return _writing(next((tag for tag in map(_normal, stated) if _language_in(tag)), ""), name or "")


@lru_cache(maxsize=1 << 12)
def _writing(tag: str, name: str) -> Writing:
    of_name = script_of(name)
    if not tag:
        return _with_direction(_language_of(name, of_name), of_name)
    language, *subtags = tag.split("-")
    stated = next((part.title() for part in subtags if len(part) == 4 and part.isalpha()), None)
    abroad = _IN_PAKISTAN.get(language) if "pk" in subtags or (language == "pa" and of_name == "Arab") else None
    return _with_direction(language, stated or abroad or _USUAL.get(language, "Latn"))


def script_of(text: str) -> str | None:
    """The script that most letters of a text are of; None for one without letters."""
    found = Counter(script for script in map(_script, text) if script)
    return max(sorted(found), key=found.__getitem__) if found else None


def _with_direction(language: str | None, script: str | None) -> Writing:
    return Writing(language, script, (RTL if script in RIGHT_TO_LEFT else LTR) if script else None)


def _language_of(name: str, script: str | None) -> str | None:
    if script == "Arab":
        return next((language for letters, language in _TELLING if not letters.isdisjoint(name)), None)
    return _ONLY.get(script or "")


def _normal(tag: str) -> str:
    return tag.strip().replace("_", "-").lower()[:35]


def _language_in(tag: str) -> bool:
    """Whether a tag begins with a code of two or three letters; a language may also be called `Deutsch`, which is no code."""
    code = tag.partition("-")[0]
    return code.isascii() and code.isalpha() and 2 <= len(code) <= 3 and code not in ("und", "mul", "zxx", "mis")


@lru_cache(maxsize=1 << 12)
def _script(character: str) -> str | None:
    if not character.isalpha():
        return None
    return _SCRIPTS.get(unicodedata.name(character, "").replace("-", " ").partition(" ")[0])
