"""`[hours]` tables as the tests write them, and the faults found in them."""

import tomllib
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from router.config.faults import Faults
from router.config.hours import HoursTable, check_hours
from router.config.settings import STRICT
from router.domain.errors import ConfigError, Fault
from router.domain.ids import SECOND

BERLIN = ZoneInfo("Europe/Berlin")


class File(BaseModel):
    """The part of a campaign's file that is looked at here."""

    model_config = STRICT
    hours: HoursTable


def hours_of(text: str) -> HoursTable:
    """The table with these lines."""
    return File.model_validate(tomllib.loads("[hours]\n" + text)).hours


def faults_of(text: str) -> list[Fault]:
    """What is wrong with these lines."""
    faults = Faults()
    try:
        check_hours(hours_of(text), "campaigns/shop.toml", faults)
    except ValidationError as error:
        faults.add_validation("campaigns/shop.toml", File, error)
    try:
        faults.settle()
    except ConfigError as error:
        return list(error.faults)
    return []


def at(text: str) -> int:
    """ISO 8601 with an offset → microseconds."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return int(moment.timestamp()) * SECOND
