"""What all faults have in common."""

from typing import Protocol

from chaos.system.testbed import Testbed
from chaos.system.whole import System


class Fault(Protocol):
    """One fault, made by a schedule. `kind` and `target` are how it is counted; `hold` is the seconds until it is healed."""

    @property
    def kind(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def hold(self) -> float: ...

    def inject(self, system: System) -> None: ...

    def heal(self, system: System) -> None: ...


class Passing:
    """A fault that needs no healing."""

    hold = 0.0

    def heal(self, system: Testbed) -> None:
        """Nothing to undo."""
