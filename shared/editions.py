"""Which edition of the code said last what follows from the facts of a model; a newer one looks at every customer again.

editions    _id = name of the model; edition: `Model.edition` of the process that looked
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pymongo.database import Database

from shared.model import Model
from shared.mongo import Document, Session, ensure_collection, transaction
from shared.timers import reproject

ROLL_OUT = timedelta(minutes=5)  # processes of the release before may run on as long, and would look with its eyes
_EDITIONS = "editions"


def catch_up(database: Database[Document], models: Iterable[Model[Any]]) -> None:
    """Arm a look at every customer of those models whose edition is not the one that looked last. Raises StoreAway."""
    ensure_collection(database, _EDITIONS)
    known = {row["_id"]: row["edition"] for row in database[_EDITIONS].find()}
    for model in models:
        if known.get(model.name, 0) != model.edition:
            _catch_up(database, model)


def _catch_up(database: Database[Document], model: Model[Any]) -> None:
    def work(session: Session) -> None:
        stated = {"_id": model.name, "edition": model.edition}
        before = database[_EDITIONS].find_one_and_replace({"_id": model.name}, stated, upsert=True, session=session)
        there_are = database[f"{model.name}_facts"].find_one({}, {"_id": 1}, session=session) is not None
        if there_are and before != stated:
            reproject(database, model.name, session, after=ROLL_OUT)

    transaction(database, work)
