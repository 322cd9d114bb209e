"""Prompts spoken by a real espeak-ng."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.instance import Instance
from router.adapters.pbx.prompts import Installed, install_prompts, speak, whisper
from router.adapters.pbx.root import Root

TEXTS = {"paused": {"de": "Pause.", "en": "You are paused."}, "taken": {"de": "Vergeben.", "en": "Taken."}}


def test_files_are_made_once_and_are_what_a_telephone_carries(root: Root, tmp_path: Path) -> None:
    assert install_prompts(root, texts=TEXTS, sounds=tmp_path) == Installed(made=4, current=0, kept=0)
    assert install_prompts(root, texts=TEXTS, sounds=tmp_path) == Installed(made=0, current=4, kept=0)

    for file in sorted(tmp_path.rglob("*.wav")):
        with wave.open(str(file)) as sound:
            assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
            assert 0.4 < sound.getnframes() / 8000 < 5
            assert max(sound.readframes(sound.getnframes())) > 0


def test_a_recording_of_the_site_is_kept_even_when_our_text_changes(root: Root, tmp_path: Path) -> None:
    install_prompts(root, texts=TEXTS, sounds=tmp_path)
    (tmp_path / "de/acd/paused.wav").write_bytes(b"the voice of the site")
    changed = TEXTS | {"paused": {"de": "Sie pausieren.", "en": "A pause."}}

    done = install_prompts(root, texts=changed, sounds=tmp_path)

    assert done == Installed(made=1, current=2, kept=1)
    assert (tmp_path / "de/acd/paused.wav").read_bytes() == b"the voice of the site"


def test_a_whisper_is_a_path_that_asterisk_can_play(pbx: Instance) -> None:
    path = whisper(pbx.root, "Webshop, Bestellungen", "de", pbx.home / "prompts")

    assert path.is_absolute()
    assert pbx.root.host(path).with_suffix(".wav").is_file()
    assert whisper(pbx.root, "Webshop, Bestellungen", "de", pbx.home / "prompts") == path
    assert whisper(pbx.root, "Webshop, Bestellungen", "en", pbx.home / "prompts") != path


def test_text_that_looks_like_an_option_or_markup_is_only_spoken(root: Root) -> None:
    assert len(speak(root, "--version -w /tmp/x <speak> $(id) ; Zoë", "de")) > 8000


def test_a_language_nobody_speaks_is_an_error(root: Root) -> None:
    with pytest.raises(PbxError, match="no voice for 'xx'"):
        speak(root, "Hello.", "xx")
