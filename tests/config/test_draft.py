"""A campaign's file made of answers: it says exactly them, and everything else there is to say as a remark."""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from router.config.callback import CallbackTable
from router.config.campaign import CampaignFile, CampaignTable, QueueTable
from router.config.draft import Answers, draft, objection, objections
from router.config.toml import setting, written
from router.config.treatment import TreatmentTable

CAMPAIGN = {"name": "shop", "client": "example-shop", "dnis": ["+493023125100"]}
SHOP: Answers = {"campaign": CAMPAIGN, "queue": {"orders": {"need": "de >= 60 and orders", "ring_s": 12.0}}}


class Tone(StrEnum):
    LOW = "low"
    HIGH = "high"


class Week(BaseModel):
    """[week]: when it is open; keys are days."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"mon-fri": ["09:00-17:00"]}]})
    holidays: str = ""


class Day(BaseModel):
    """[hours.NAME]: a day, or several."""

    opens: str = Field(description="When the first caller is taken.")
    closes: str = Field("17:00", description="When the last one is.")


class Recording(BaseModel):
    """What is kept of a talk."""

    keep_days: int = Field(30, ge=1, le=3650, description="Then it is gone.")
    tone: Tone = Tone.LOW


class LaterTable(CampaignTable):
    survey: str | None = Field(None, description="Asked after the talk.", examples=["acd/survey"])
    carriers: list[str] = Field(default_factory=list, max_length=3, description="In this order.")
    tones: list[Tone] = Field(default_factory=list, description="For the caller.")
    pace: float | None = Field(None, gt=0, description="Of the music.")
    fee: float | Literal["none"] = Field("none", description="Per minute.")
    recording: Recording | None = Field(None, description="Nothing is kept without it.")


class Later(BaseModel):
    """The file as a later version may have it."""

    version: int = Field(1, description="Of the file's shape.")
    campaign: LaterTable
    queue: dict[str, QueueTable]
    hours: dict[str, Day] = Field(default_factory=dict)
    week: Week | None = None


def said(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def lines_of(text: str, pattern: str) -> list[str]:
    return re.findall(pattern, text, re.MULTILINE)


def test_the_answers_are_what_the_file_says() -> None:
    assert said(draft(SHOP)) == SHOP
    assert CampaignFile.model_validate(said(draft(SHOP))) == CampaignFile.model_validate(SHOP)


VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=60),
    "number": st.floats(allow_nan=False) | st.integers(),
    "integer": st.integers(),
    "boolean": st.booleans(),
    "array": st.lists(st.text(max_size=40), max_size=8),
    "object": st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=8),
}


def keys_of(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    properties = model.model_json_schema()["properties"]
    kinds = {key: VALUES[property.get("type", "string")] for key, property in properties.items() if key != "ring"}
    return st.fixed_dictionaries({}, optional=kinds)


@settings(max_examples=150, deadline=None)
@given(keys_of(CampaignTable), st.dictionaries(st.text(max_size=20), keys_of(QueueTable), max_size=3))
def test_whatever_is_answered_loads_back_as_it_was(campaign: dict[str, Any], queues: dict[str, dict[str, Any]]) -> None:
    answers = {"campaign": campaign, "queue": queues}
    assert said(draft(answers)) == answers


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_name_of_any_characters_stays_in_its_quotes(client: str) -> None:
    text = draft({"campaign": CAMPAIGN | {"client": client}, "queue": {"a": {}}})
    assert said(text)["campaign"]["client"] == client
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    "client",
    [
        '"""',
        "\\",
        "\\u0041",
        "a\nname = 'x'",
        "\r\n[queue.evil]",
        "\x00",
        "\u202egnp",
        "\u2028",
        "Ärzte & 株式会社 🚑",
        "#",
    ],
)
def test_characters_that_mean_something_to_toml_mean_nothing(client: str) -> None:
    answers = {"campaign": CAMPAIGN | {"client": client}, "queue": {client: {"need": client}}}
    assert said(draft(answers)) == answers


def test_half_a_character_and_nothing_are_no_toml() -> None:
    for value in ("\ud800", None, object(), ["\udcff"], {"a": {"b": b""}}):
        with pytest.raises(ValueError, match="cannot be written as TOML"):
            draft({"campaign": CAMPAIGN | {"client": value}})


def test_an_answer_to_a_key_that_does_not_exist_is_never_left_out() -> None:
    for answers, place in (({"shift": {}}, "the file"), ({"campaign": {"colour": "red"}}, "campaign")):
        with pytest.raises(ValueError, match=f"there is no key '.*' in {place}"):
            draft(answers)


def test_every_key_stands_there_once_with_a_remark_above_it() -> None:
    head, _, queue = draft(SHOP).partition("[queue.orders]\n")
    queue, _, treatment = queue.partition("#[queue.orders.treatment]\n")
    treatment, _, callback = treatment.partition("#[queue.orders.callback]\n")
    tables = ((CampaignTable, head), (QueueTable, queue), (TreatmentTable, treatment), (CallbackTable, callback))
    for model, section in tables:
        for key in model.model_fields.keys() - {"treatment", "callback"}:  # tables of their own
            assert len(lines_of(section, rf"^# .*\n#?{key} = ")) == 1, key


def test_a_key_nobody_answered_shows_its_default() -> None:
    text = draft({"campaign": CAMPAIGN, "queue": {"orders": {}}})
    tables = re.sub(r"^#\[hours\]\n(?:.*\n)*?(?=\[)", "", text, flags=re.MULTILINE)  # a table of its own
    tables = re.sub(r"^#\[queue.orders.callback\]\n(?:[#\n].*\n?)*", "", tables, flags=re.MULTILINE)
    shown = said(re.sub(r"^#(\[queue\.|\w+ = )(?!\"…)", r"\1", tables, flags=re.MULTILINE))
    assert set(shown["campaign"]) == set(CampaignTable.model_fields) - {"entry"}
    assert set(shown["queue"]["orders"]) == set(QueueTable.model_fields) - {"callback"}
    assert CampaignFile.model_validate(shown) == CampaignFile.model_validate(said(text))


def test_a_key_that_was_answered_tells_its_default_in_the_remark() -> None:
    assert "# How long an agent's phone rings. From 1 to 300. Default: 15.\nring_s = 12\n" in draft(SHOP)


def test_only_the_first_queue_explains_its_keys() -> None:
    queues = {"orders": {"need": "de"}, "general": {"wrapup_s": 0}, "late": {}}
    text = draft({"campaign": CAMPAIGN, "queue": queues})
    assert said(text)["queue"] == queues
    assert len(lines_of(text, r"^#?ring_s = ")) == 1
    assert text.endswith("explained above.\n[queue.late]\n")


def test_remarks_are_no_wider_than_a_hundred_columns() -> None:
    for file in (CampaignFile, Later):
        assert [line for line in lines_of(draft(SHOP, file), "^#.*$") if len(line) > 100] == []


def test_a_long_list_has_a_line_for_each_entry() -> None:
    dnis = [f"+4930231251{number:02}" for number in range(20)]
    text = draft({"campaign": CAMPAIGN | {"dnis": dnis}})
    assert said(text)["campaign"]["dnis"] == dnis
    assert '    "+493023125119",\n]\n' in text


def test_keys_of_a_later_version_appear_by_themselves() -> None:
    text = draft(SHOP, Later)
    assert said(text) == SHOP
    for remark in (
        "# Of the file's shape.\n#version = 1\n",
        '# Asked after the talk.\n#survey = "acd/survey"\n',
        "# In this order.\n#carriers = []\n",
        "# For the caller. Any of low, high.\n#tones = []\n",
        "# Of the music. Above 0.\n#pace = 0\n",
        '# When it is open; keys are days.\n#[week]\n#holidays = ""\n#mon-fri = ["09:00-17:00"]\n',
        '# Per minute.\n#fee = "none"\n',
        "# What is kept of a talk.\n#[campaign.recording]\n# Then it is gone. From 1 to 3650.\n#keep_days = 30\n",
        '# One of low, high.\n#tone = "low"\n',
        '# A day, or several.\n#[hours.NAME]\n# When the first caller is taken. Needed.\n#opens = "…"\n',
    ):
        assert remark in text


def test_answers_to_keys_of_a_later_version_load_back() -> None:
    steps = [{"after_s": 45, "need": "de"}, {"after_s": 90.5, "need": ""}]
    answers: Answers = {
        "version": 2,
        "campaign": {**CAMPAIGN, "carriers": ["a", "b"], "fee": 0.0375, "recording": {"tone": "high"}},
        "queue": {"orders": {"ring": steps}},
        "hours": {"mon-fri": {"opens": "08:00"}, "sat": {"opens": "10:00", "closes": "12:00"}},
        "week": {"holidays": "DE", "sat": ["10:00-12:00"]},
    }
    assert said(draft(answers, Later)) == answers


def test_entries_of_a_list_of_tables_are_explained() -> None:
    assert re.search(r"#   after_s: .*86400.*\n#   need: .*\n#ring = \[\]", draft(SHOP))


def test_tables_that_are_there_and_empty_stay_there() -> None:
    for answers in ({"campaign": {}, "queue": {}}, {"queue": {"a": {}}}, {}):
        assert said(draft(answers)) == answers


def test_numbers_are_written_as_people_write_them() -> None:
    assert [written(number) for number in (15, 15.0, 0.5, True, -100, 1e300)][:5] == ["15", "15", "0.5", "true", "-100"]
    assert setting("a b", {"c.d": [1], "none": None}) == ['"a b" = { "c.d" = [1] }']


def test_what_the_file_alone_can_be_blamed_for_is_told() -> None:
    faults = objections("shop", {"campaign": {"name": "shop", "client": "a\nb"}, "queue": {"Orders": {}}})
    assert {(fault.file, fault.key) for fault in faults} == {
        ("campaigns/shop.toml", "campaign.client"),
        ("campaigns/shop.toml", "campaign.dnis"),
        ("campaigns/shop.toml", "queue.Orders"),
    }
    assert objections("shop", SHOP) == ()


def test_one_answer_is_looked_at_without_the_others() -> None:
    assert objection(QueueTable, "ring_s", 15.0) is None
    assert objection(QueueTable, "ring_s", 0.0) == "at least 1.0"
    assert objection(CampaignTable, "dnis", ["+493023125100"]) is None
    assert "E.164" in str(objection(CampaignTable, "dnis", ["+493023125100", "030"]))
    assert "small letters" in str(objection(CampaignFile, "queue", {"Orders": {}}))
