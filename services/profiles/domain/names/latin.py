"""Latin letters: variants, and how Punjabi, Telugu, Urdu, Gujarati, Pashto and English names sound when they are written in them.

Who writes a name in Latin letters writes by ear: `Preet`, `Prit`; `Kaur`, `Kour`; `Lakshmi`, `Laxmi`; `Khan`, `Kahn`.
"""

import re
from collections.abc import Mapping

# Letters that no decomposition turns into the plain one.
VARIANTS: Mapping[str, str] = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n", "ə": "a",
    "ʻ": "", "ʼ": "", "ʾ": "", "ʿ": "", "ʹ": "",
}  # fmt: skip

# Short forms that everybody reads out in full.
SHORT: Mapping[str, str] = {"md": "mohammad", "mohd": "mohammad", "mhd": "mohammad", "mohd.": "mohammad"}

# Letters -> sounds, the first that fits where one stands. Capitals are consonants; a, e, i and u are vowels.
RULES: tuple[tuple[str, str], ...] = (
    ("tch|chh", "C"),
    ("sch|sh", "S"),
    ("ch(?=r)|ck|kh", "K"),
    ("ch", "C"),
    ("c(?=[eiy])", "S"),
    ("gh", "G"),
    ("jn", "GN"),
    ("ph", "F"),
    ("x", "KS"),
    ("[ckq]", "K"),
    ("(?<=^jo)h(?=n)", ""),
    ("(?<=[bcdfgjklmnpqrstvwxz])h", ""),
    ("ee+|ii|ie(?![aeou])|i", "i"),
    ("(?:au|ou|oo)|[ao]w(?![aeiouy])|[ou]+", "u"),
    ("ai|ei|[ae]y(?![aeiou])|a+", "a"),
    ("e", "e"),
    ("y(?=[aeiou])", "Y"),
    ("y", "i"),
    ("w(?=[aeiouy])|v", "V"),
    ("w", "u"),
    ("b", "B"), ("d", "D"), ("f", "F"), ("g", "G"), ("h", "H"), ("j", "J"), ("l", "L"), ("m", "M"), ("n", "N"), ("p", "P"),
    ("r", "R"), ("s", "S"), ("t", "T"), ("z", "Z"),
)  # fmt: skip

_LETTERS = re.compile("|".join(f"({pattern})" for pattern, _ in RULES))
_W_BEFORE_CONSONANT = re.compile("(?<=[aeo])w(?=[^aeiouy])")
_SOUNDS = tuple(sound for _, sound in RULES)


def raw_readings(word: str) -> list[str]:
    """The sounds of a folded word of Latin letters."""
    full = SHORT.get(word, word)
    spelled = dict.fromkeys((full, _W_BEFORE_CONSONANT.sub("v", full)))  # Kawr is Kaur, and Bhawna Bhavna
    return ["".join(_SOUNDS[(found.lastindex or 1) - 1] for found in _LETTERS.finditer(one)) for one in spelled]


def might_go_on(word: str) -> tuple[str, ...]:
    """Words that somebody who is still typing may be about to write, where the next letter changes the sound of the last."""
    return (word, f"{word}h") if word.endswith(("p", "c")) else (word,)
