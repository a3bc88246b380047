"""Names in every script: one spelling for letters that are variants of each other, and one sound for all scripts.

`fold` makes words comparable letter by letter; `sounds` makes keys by which ਗੁਰਪ੍ਰੀਤ, گرپریت, ગુરપ્રીત, గుర్‌ప్రీత్ and `gurpreet` find one another;
`writing` says in which language, script and direction a customer reads. The letters are data: `latin`, `indic`, `arabic`.

`EDITION` counts the changes of any of this. Whoever changes a table counts it up: what is stored of every customer is then made anew,
in the background.
"""

from services.profiles.domain.names.fold import folded_words
from services.profiles.domain.names.sounds import Pattern, patterns_of, sounds_of
from services.profiles.domain.names.writing import Writing, writing_of

EDITION = 1

__all__ = ["EDITION", "Pattern", "Writing", "folded_words", "patterns_of", "sounds_of", "writing_of"]
