"""What a link does to the bytes of one direction."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How bytes of one direction fare.

    `delay` is seconds before each chunk, `rate` bytes a second (0: as they come). A `black_hole` takes them and gives nothing on; `hold`
    keeps them until the behaviour changes, and then gives them on. After `cut_after` further bytes the connection is reset, in the
    middle of whatever it carried.
    """

    delay: float = 0.0
    rate: int = 0
    black_hole: bool = False
    hold: bool = False
    cut_after: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


USUAL = Behaviour()


@dataclass(frozen=True, slots=True)
class Weather:
    """Both directions of a link: `up` from the client to the server, `down` back."""

    up: Behaviour = USUAL
    down: Behaviour = USUAL

    def to_json(self) -> dict[str, Any]:
        return {"up": self.up.to_json(), "down": self.down.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Weather":
        return cls(Behaviour(**values.get("up", {})), Behaviour(**values.get("down", {})))


CLEAR = Weather()
