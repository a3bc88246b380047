"""The Arabic script as Urdu, Punjabi (Shahmukhi), Pashto, Persian and Arabic write it.

Short vowels are not written and long ones share letters with consonants, so a name in this script has consonants only to be known by.
"""

import re
from collections.abc import Mapping

# Points above and below letters, and the stretching of words: left out when typing, and when searching.
POINTS = frozenset(
    "\u0640\u0670\u06d6\u06d7\u06d8\u06d9\u06da\u06db\u06dc\u06df\u06e0\u06e1\u06e2\u06e3\u06e4\u06e7\u06e8"
).union(map(chr, range(0x0610, 0x061B)), map(chr, range(0x064B, 0x0660)), map(chr, range(0x08D3, 0x0900)))

# Letters that are one letter of different alphabets or keyboards, or one letter in two of its forms.
_ALIKE = {
    "ا": "أإآٱ",
    "ی": "يىئېۍۑێےۓ",
    "ک": "كڪ",
    "گ": "ګڭ",
    "ہ": "هةھۀۂۃەۿ",
    "و": "ؤۇۆۈۋ",
    "ن": "ںڼݨڻ",
    "ٹ": "ټ",
    "ڈ": "ډ",
    "ڑ": "ړ",
    "ل": "ࣇڵ",
}
VARIANTS: Mapping[str, str] = {variant: letter for letter, variants in _ALIKE.items() for variant in variants} | {"ء": ""}

# Letters -> sounds; where a letter is read in two ways, both, parted by |. A vowel sounds at the beginning only.
SOUNDS: Mapping[str, str] = {
    letter: sound
    for sound, letters in {
        "B": "ب", "P": "پ", "T": "تٹطټ", "J": "ج", "C": "چ", "H": "ح", "K": "خکكڪق", "D": "دڈډ", "R": "رڑړ", "Z": "ذزضظ",
        "Z|J": "ژځ", "Z|G": "ږ", "S": "سشصث", "S|K": "ښ", "TS|S": "څ", "G": "غگګڭ", "F": "ف", "L": "لࣇڵ", "M": "م",
        "N": "نڼݨڻ", "N|": "ں", "V|u": "وؤۇۆۈۋ", "H|": "ہهۀۂۃەةۿ", "": "ھءئےېۍۑێۓ",
    }.items()
    for letter in letters
}  # fmt: skip
_ALEF, _AIN, _YEH, _WAW = "اأإآٱ", "ع", "یيى", "وؤ"
_ASPIRABLE = frozenset("بپتٹجچدڈرڑکگ")
_SUN = frozenset("تثدذرزسشصضطظلن")
_ARTICLE = re.compile("(?<=.{3})ال(?=.{3})")


def is_of_here(character: str) -> bool:
    """Whether a letter belongs to this script."""
    return "\u0600" <= character <= "\u06ff" or "\u0750" <= character <= "\u077f" or "\u08a0" <= character <= "\u08ff"


def raw_readings(word: str) -> list[list[str]]:
    """The sounds of a word, letter by letter; of each letter all that it may stand for."""
    article = _ARTICLE.search(word)
    readings = [_of(word, place) for place in range(len(word))]
    if article and word[article.end()] in _SUN:
        readings[article.start() + 1] = ["L", ""]  # Abdul Rahman, Abdur Rahman
    if word.startswith("ال") and len(word) > 3:
        sun = word[2] in _SUN
        readings[:2] = [["aL", "", *(["a"] if sun else [])]]  # al-Haq, Haq; ar-Rahman
    return readings


def _of(word: str, place: int) -> list[str]:
    letter, before = word[place], word[place - 1] if place else ""
    if letter in _ALEF or letter == _AIN:
        return ["a" if place == 0 else ""]
    if letter in _YEH:
        return ["Y" if place == 0 else ""]
    if letter in _WAW and place == 0:
        return ["V"]
    if letter == "پ" and word[place + 1 : place + 2] == "ھ":
        return ["F"]
    sounds = SOUNDS.get(letter, "").split("|")
    aspirated = len(sounds) > 1 and sounds[0] == "H" and before in _ASPIRABLE
    return ["H"] if sounds == ["H", ""] and not aspirated else sounds
