"""HTTP of journeys: how a customer came and stays, how all do, and the rules of it."""

from typing import Any

from services.profiles.desk import UNKNOWN
from services.profiles.domain.customer import Customer
from services.profiles.domain.lifecycle import Stage
from services.profiles.domain.rules import ProfileRules
from services.profiles.domain.traits import Strategy, chosen
from services.profiles.journeys import Reader
from services.profiles.schemas import journey as schemas
from services.profiles.storage import Customers
from services.profiles.storage.rules import ProfileRulesStore, StoredRules
from services.profiles.storage.segments import Members
from services.profiles.storage.stages import Journeys
from services.profiles.storage.timeline import Timeline
from shared.errors import NotFound
from shared.http import Api, PageQuery, route
from shared.mongo import server_time

_CUSTOMER = "/api/profiles/customers/<path:identity>"
_RULES = "/api/profiles/profile-rules"
_STAGES = ", ".join(stage.value for stage in Stage if stage is not Stage.VISITOR)


class JourneyRoutes(Api):
    """Journeys. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    @route(
        "GET",
        f"{_CUSTOMER}/journey",
        summary="A customer's journey",
        query=schemas.JourneyQuery(),
        response=schemas.Journey(),
    )
    def get_customer_journey(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """The stages with the date and reason of each change, touchpoints over all channels, and what led to each order."""
        return self._reader().journey(*self._customer_of(identity), query)

    @route(
        "GET",
        f"{_CUSTOMER}/habits",
        summary="How a customer comes",
        query=schemas.HabitsQuery(),
        response=schemas.Habits(),
    )
    def get_habits(self, identity: str, query: dict[str, Any]) -> Any:
        """Channels, devices, hours, language and searches, out of what the customer did last."""
        return self._reader().habits(self._customer_of(identity)[1], query.get("timezone"))

    @route("GET", f"{_CUSTOMER}/traits", summary="A customer's traits over time", response=schemas.TraitHistories())
    def get_traits(self, identity: str) -> dict[str, Any]:
        """Each with what holds now, by its strategy, and the values that were stated, when and by whom."""
        customer_id, customer = self._customer_of(identity)
        strategies = Customers(self.store).rules().profile.traits
        holding = chosen(customer.traits, strategies)
        items = [
            {
                "name": name,
                "value": holding[name].value,
                "strategy": strategies.get(name, Strategy.LATEST),
                "first_stated_at": trait.first.at if trait.first else None,
                "history": trait.history,
            }
            for name, trait in sorted(customer.traits.items())
        ]
        return {"customer_id": customer_id, "items": items}

    @route(
        "GET",
        "/api/profiles/journey",
        summary="The journey of all customers",
        query=schemas.FlowQuery(),
        response=schemas.Flow(),
    )
    def get_journey(self, query: dict[str, Any]) -> dict[str, Any]:
        """How many came into each stage, how many went on to which and after how many days, and how many stopped there."""
        return self._reader().flow(query)

    @route(
        "GET",
        "/api/profiles/journey/stages/<stage>",
        summary="The customers in a stage",
        query=PageQuery(),
        response=schemas.InStagePage(),
    )
    def list_stage(self, stage: str, query: dict[str, Any]) -> dict[str, Any]:
        """Those who came into it last first. Visitors are not listed."""
        if stage not in _STAGES.split(", "):
            raise NotFound(f"No customers are listed under this stage. Stages are {_STAGES}.")
        page = Journeys(self.store).customers_in(Stage(stage), query["cursor"], query["limit"])
        entries = Members(self.store).entries([row["customer_id"] for row in page["items"]])
        return {**page, "items": [{**entries.get(row["customer_id"], {}), **row} for row in page["items"]]}

    @route("GET", _RULES, summary="The rules of profiles", response=schemas.StoredProfileRules())
    def get_profile_rules(self) -> dict[str, Any]:
        """Stages of the journey, weights of favourites, strategies of traits, and the shop's time zone."""
        return self._rules_shown(ProfileRulesStore(self.store).current())

    @route(
        "PUT",
        _RULES,
        summary="Change the rules of profiles",
        body=schemas.ChangeProfileRules(),
        response=schemas.StoredProfileRules(),
    )
    def change_profile_rules(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every customer is looked at anew, also for the past, in the background: see `reevaluation`. Nobody is told of stages for it."""
        wanted = StoredRules(schemas.ProfileRules.made(body), body["version"], changed_by=body["changed_by"])
        return self._rules_shown(ProfileRulesStore(self.store).change(wanted))

    def _rules_shown(self, stored: StoredRules[ProfileRules]) -> dict[str, Any]:
        versioned = {name: getattr(stored, name) for name in ("version", "changed_at", "changed_by")}
        return {**schemas.ProfileRules.shown(stored.rules), **versioned, "reevaluation": ProfileRulesStore(self.store).progress()}

    def _reader(self) -> Reader:
        return Reader(Customers(self.store), Timeline(self.store), Journeys(self.store), server_time(self.store))

    def _customer_of(self, identity: str) -> tuple[str, Customer]:
        found = Customers(self.store).find(identity)
        if found is None:
            raise NotFound(UNKNOWN)
        return found
