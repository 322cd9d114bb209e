"""`[queue.NAME.callback]`: how waiting callers ask to be called back, and how and when they are called.

[queue.orders.treatment]
keys = "acd/callback-offer-1"
[queue.orders.callback]
key = "1"
mode = "agent-first"
between = ["08:00", "20:00"]
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from router.config.dialable import dialable, is_country, own_country
from router.config.faults import COUNTRY, E164, ENDPOINT, KEY, Faults
from router.config.hours import DAYS, HoursTable, span
from router.config.settings import STRICT, Settings
from router.domain.ids import SECOND
from router.domain.rulebook.rules import CallbackRules

_TIME = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def _window(between: list[str]) -> list[str]:
    if between:
        if len(between) != 2:
            raise ValueError('two times, ["08:00", "20:00"]; empty: at any time')
        if span("-".join(between)).closes > 24 * 60:
            raise ValueError("a window within one day: nobody is to be called at night")
    return between


class CallbackTable(BaseModel):
    """[queue.NAME.callback]: callers may ask to be called back, and keep their place in line."""

    model_config = STRICT
    key: str = Field(
        "1",
        pattern=KEY,
        description='The key a waiting, answered caller asks with. Say so: keys = "acd/callback-offer-1" of the '
        "treatment (to be called back, press one), or among its comfort prompts.",
    )
    mode: Literal["agent-first", "caller-first"] = Field(
        "agent-first",
        description="agent-first: an agent has accepted before they are called; caller-first: they are called when "
        "their turn has come and an agent is free, and are first in line when they answer.",
    )
    trunk: str | None = Field(
        None, pattern=ENDPOINT, description="Trunk they are called through; if none, the one that is outbound = true."
    )
    countries: list[Annotated[str, Field(pattern=COUNTRY)]] = Field(
        default_factory=list,
        max_length=50,
        description="Only who shows a number of these countries is called back, and never a premium, shared cost or "
        "satellite number. Empty: the country of the campaign's own number.",
        examples=[["DE", "AT", "CH"]],
    )
    caller_id: str | None = Field(
        None, pattern=E164, description="The number they are shown; the first dialled number of the campaign if none."
    )
    tries: int = Field(3, ge=1, le=20, description="Calls at most, until one is answered.")
    dial_s: float = Field(30.0, ge=5, le=120, description="How long the caller's phone rings.")
    retry_after_s: float = Field(900.0, ge=1, le=86_400, description="So long after a call in vain comes the next.")
    between: Annotated[list[Annotated[str, Field(pattern=_TIME)]], AfterValidator(_window)] = Field(
        default_factory=lambda: ["08:00", "20:00"],
        description="Nobody is called at other times of day, by the campaign's time zone. Empty: at any time.",
    )
    expires_s: float = Field(
        43_200.0,
        ge=60,
        le=7 * 86_400,
        description="So long they may be called, then nobody calls them any more. Only time counts in which they may "
        "be: within between, while the campaign is open. Whatever the hours, it ends 30 days after they asked.",
    )
    most: int = Field(
        100, ge=0, le=10_000, description="So many calls are owed at a time; who asks then is told no. 0: no limit."
    )


def check_callback(
    table: CallbackTable | None,
    taken: str,
    dnis: Sequence[str],
    keys_are_heard: bool,
    settings: Settings,
    file: str,
    key: str,
    faults: Faults,
) -> None:
    """What the table cannot say of itself alone."""
    if table is None:
        return
    if table.key in taken:
        expected = f'a key that is none of exit_keys and keys ("{taken}")'
        faults.add(file, f"{key}.key", table.key, expected)
    if not keys_are_heard:
        expected = (
            'greeting = "answered" beside it (most carriers carry no keys before the answer), or '
            "keys_before_answer = true in the [trunk.NAME] of ringfair.toml that was tried with them"
        )
        faults.add(file, f"{key}.key", table.key, expected)
    if table.caller_id is None and not dnis:
        faults.add(file, f"{key}.caller_id", "(missing)", "a number to show: the campaign has none that is dialled")
    outbound = outbound_trunk(settings)
    if outbound is None or table.trunk not in (None, outbound):
        expected = "a [trunk.NAME] of ringfair.toml with outbound = true: only by that one numbers outside are called"
        faults.add(file, f"{key}.trunk", table.trunk or "(missing)", expected)
    for index, country in enumerate(table.countries):
        if not is_country(country):
            faults.add(file, f"{key}.countries[{index}]", country, 'a country (ISO 3166-1), e.g. "DE"')


def outbound_trunk(settings: Settings) -> str | None:
    """The one by which numbers outside are called."""
    return next((name for name, trunk in settings.trunk.items() if trunk.outbound), None)


def callback_rules(table: CallbackTable | None, dnis: Sequence[str], settings: Settings) -> CallbackRules | None:
    if table is None:
        return None
    countries = [country for country in table.countries if is_country(country)]
    return CallbackRules(
        key=table.key,
        trunk=table.trunk or outbound_trunk(settings) or "",
        dialable=dialable(countries or [own_country(dnis, settings.router.country)]),
        caller_id=table.caller_id or next(iter(dnis), ""),
        agent_first=table.mode == "agent-first",
        tries=table.tries,
        ring_us=round(table.dial_s * SECOND),
        retry_after_us=round(table.retry_after_s * SECOND),
        expires_us=round(table.expires_s * SECOND),
        most=table.most,
    )


def call_times(table: CallbackTable | None) -> HoursTable:
    """The window as hours of every day, so that one compiler knows what a day is.

    Without a table the usual one: what was promised before it was taken out is kept, and nobody is called at night.
    """
    between = "-".join((table or CallbackTable()).between) or "00:00-24:00"
    return HoursTable.model_validate({day: [between] for day in DAYS})
