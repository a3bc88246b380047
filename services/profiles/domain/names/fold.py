"""Words of a name in one spelling: what differs only in how it was typed is the same.

Without regard to case, width and composition (Unicode NFKC and case folding), accents on Latin letters, vowel points of Arabic, nuktas
of Indic scripts, invisible joiners, the alphabet's own forms of yeh, kaf and heh, and the script's own digits. Vowel signs stay: they
are marks to Unicode, and part of the word.
"""

import unicodedata
from functools import lru_cache

from services.profiles.domain.names import arabic, indic, latin

_LONGEST = 254  # characters of a text that are looked at
_TABLE = str.maketrans({**arabic.VARIANTS, **indic.VARIANTS, **latin.VARIANTS})


@lru_cache(maxsize=1 << 14)
def folded_words(text: str) -> tuple[str, ...]:
    """The words of a text, folded, in their order; no word where it holds neither letter nor digit."""
    return tuple(folded for folded in map(folded_word, words(text)) if folded)


def words(text: str) -> list[str]:
    """The words of a text as written: runs of letters, their marks and digits, composed and without case."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[:_LONGEST]).casefold())
    return "".join(map(_within_words, indic.whole_vowels(plain))).split()


def folded_word(word: str) -> str:
    """One of `words` in the one spelling."""
    bare = "".join(c for c in unicodedata.normalize("NFD", word.translate(_TABLE)) if not _is_accent(c))
    return unicodedata.normalize("NFC", bare)


def _within_words(character: str) -> str:
    """The character where it is part of a word; nothing where nobody sees it, a space where words part."""
    category = unicodedata.category(character)
    if category == "Cf" or character in arabic.POINTS:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return character if category[0] in "LMN" else " "


def _is_accent(character: str) -> bool:
    """An accent or another sign that is left out when typing; й and the like are letters of their own to those who read them."""
    return "\u0300" <= character <= "\u036f" and character != "\u0306"
