"""The texts of prompts, and which files are made, kept or left to the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.prompts import read_texts, speak
from router.adapters.pbx.root import Root
from router.domain.rulebook.treatment import (
    MINUTE,
    POSITION_LIMITS,
    WAIT_LIMITS,
    Position,
    Treatment,
    position_prompt,
    wait_prompt,
)


def test_every_prompt_of_ours_has_a_text_in_german_and_english() -> None:
    texts = read_texts()

    assert len(texts) >= 16
    assert {tuple(sorted(of_prompt)) for of_prompt in texts.values()} == {("de", "en")}


def test_a_table_with_numbers_is_a_prompt_for_each_of_them(tmp_path: Path) -> None:
    table = tmp_path / "prompts.toml"
    table.write_text('[place-n]\nn = "2-4, 10"\nde = "Platz {n}."\nen = "Place {n} of {n}."\n')

    assert read_texts(table) == {f"place-{n}": {"de": f"Platz {n}.", "en": f"Place {n} of {n}."} for n in (2, 3, 4, 10)}


def test_there_is_a_sentence_for_everything_the_waiting_room_may_say() -> None:
    said = {position_prompt(Treatment(position=Position.YES), place) for place in range(1, 99)}
    for limit in POSITION_LIMITS:
        told = Treatment(position=Position.LIMIT, position_limit=limit)
        said |= {position_prompt(told, place) for place in range(1, limit + 5)}
    for minutes in WAIT_LIMITS:
        said |= {wait_prompt(Treatment(wait_limit=minutes), tenth * MINUTE // 10) for tenth in range(900)}

    assert {name.removeprefix("acd/") for name in said} - set(read_texts()) == set()
    assert len(said) > 70


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[paused\n", "Expected"),
        ('[paused]\nde = "Pause."\n[taken]\nen = "Taken."\n', "lacks a text"),
        ('["../../etc/passwd"]\nde = "x"\n', "is no prompt"),
        ('paused = "Pause."\n', "is no prompt"),
        ("[paused]\nde = 1\n", "lacks a text"),
        ('[paused]\nn = "2-4"\nde = "x"\n', "ends in"),
        ('[place-n]\nn = "two"\nde = "x"\n', "ends in"),
        ('[place-n]\nn = "0-900"\nde = "x"\n', "more than 200"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(tmp_path: Path, content: str, says: str) -> None:
    table = tmp_path / "prompts.toml"
    table.write_text(content)

    with pytest.raises(PbxError, match=says) as refused:
        read_texts(table)

    assert str(table) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "language"),
    [("", "de"), ("  \n\t ", "de"), ("a" * 401, "de"), ("Pause.", "de; rm"), ("Pause.", "-v"), ("Pause.", "../de")],
)
def test_what_cannot_be_spoken_is_refused_before_anything_runs(text: str, language: str) -> None:
    with pytest.raises(PbxError):
        speak(Root(Path("/nowhere")), text, language)
