"""The texts of prompts, and which files are made, kept or left to the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.prompts import read_texts, speak
from router.adapters.pbx.root import Root


def test_every_prompt_of_ours_has_a_text_in_german_and_english() -> None:
    texts = read_texts()

    assert len(texts) >= 16
    assert {tuple(sorted(of_prompt)) for of_prompt in texts.values()} == {("de", "en")}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[paused\n", "Expected"),
        ('[paused]\nde = "Pause."\n[taken]\nen = "Taken."\n', "lacks a text"),
        ('["../../etc/passwd"]\nde = "x"\n', "is no prompt"),
        ('paused = "Pause."\n', "is no prompt"),
        ("[paused]\nde = 1\n", "lacks a text"),
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
