"""The rules of the doors: which messages are taken, as which events, at which time, about whom.

Pure functions over plain values. Start with `translation`; `values`, `clock`, `identity` and `shape` are what it is made of.
"""

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.source import Source, SourceKind
from services.collector.domain.translation import Accepted, Reception, Translator

__all__ = ["Accepted", "Reason", "Reception", "Refused", "Source", "SourceKind", "Translator"]
