"""Prompts: texts of ``asterisk/prompts.toml`` spoken by espeak-ng into the files Asterisk plays.

No audio is distributed. Each file we make is noted with its hash in ``made.json`` beside it; a file whose content is
not what we noted was put there by the site and is left alone, even when our text changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import re
import tomllib
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.rendering import write_atomically
from router.adapters.pbx.root import Root, site_files

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{2,4})?")
# espeak-ng's names where they are not ours.
_VOICES: Mapping[str, str] = {"en": "en-gb"}
_WORDS_A_MINUTE = "150"
_MAX_LETTERS = 400
_NUMBERED = "-n"
_NUMBER = "{n}"
_SPAN = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")
_MOST_NUMBERS = 200
_SOUNDS = Path("/usr/share/asterisk/sounds")
_HINT = "Prompts need espeak-ng and sox."
RATE_HZ = 8000  # what a telephone carries; Asterisk plays it without resampling


@dataclass(frozen=True, slots=True)
class Installed:
    """What ``install_prompts`` did: how many files it made, found as they should be, and left to the site."""

    made: int
    current: int
    kept: int


def read_texts(path: Path | None = None) -> dict[str, dict[str, str]]:
    """``{prompt: {language: text}}`` of a prompts.toml (ours by default). Every prompt has every language.

    A table with ``n`` is many prompts, see there.
    """
    source = path or site_files("asterisk") / "prompts.toml"
    try:
        table = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PbxError("bad-prompts", f"{source}: {error}") from error
    languages = {language for texts in table.values() if isinstance(texts, dict) for language in texts} - {"n"}
    for name, texts in table.items():
        if not _NAME.fullmatch(name) or not isinstance(texts, dict):
            raise PbxError("bad-prompts", f"{source}: [{name}] is no prompt")
        for language in sorted(languages):
            if not isinstance(texts.get(language), str):
                raise PbxError("bad-prompts", f"{source}: [{name}] lacks a text in {language!r}")
    return {numbered: spoken for name in table for numbered, spoken in _each(source, name, table[name])}


def _each(source: Path, name: str, texts: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The prompts of one table: itself, or one for each number of its `n`."""
    if "n" not in texts:
        yield name, texts
        return
    numbers: list[int] = []
    for part in str(texts["n"]).split(","):
        span = _SPAN.fullmatch(part.strip())
        if span is None or not name.endswith(_NUMBERED):
            raise PbxError("bad-prompts", f'{source}: [{name}]: n = "2-10, 15" goes with a name that ends in "-n"')
        numbers += range(int(span[1]), int(span[2] or span[1]) + 1)
    if len(numbers) > _MOST_NUMBERS:
        raise PbxError("bad-prompts", f"{source}: [{name}] has more than {_MOST_NUMBERS} numbers")
    for number in numbers:
        spoken = {language: text.replace(_NUMBER, str(number)) for language, text in texts.items() if language != "n"}
        yield f"{name.removesuffix(_NUMBERED)}-{number}", spoken


def speak(root: Root, text: str, language: str) -> bytes:
    """``text`` as a WAV file: 8 kHz, mono, 16 bit, levelled to -3 dB, a tenth of a second of silence in front."""
    if not _LANGUAGE.fullmatch(language):
        raise PbxError("bad-language", f"{language!r} is no language (such as de or en)")
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if not words or len(words) > _MAX_LETTERS:
        raise PbxError("bad-text", f"a prompt has 1-{_MAX_LETTERS} letters")
    voice = _VOICES.get(language, language)
    # By stdin: text in the arguments could be taken for an option, and everybody sees arguments in the process list.
    spoken = root.run(
        ["espeak-ng", "-v", voice, "-s", _WORDS_A_MINUTE, "--stdin", "--stdout"],
        timeout_s=30,
        stdin=words.encode(),
        missing=_HINT,
    )
    if spoken.returncode != 0 or not spoken.stdout:
        raise PbxError("no-voice", f"espeak-ng has no voice for {language!r} or failed")
    # espeak-ng cannot seek in a pipe, so the lengths in its header are made up: -ignorelength.
    telephone = root.run(
        [
            *("sox", "-V1", "--ignore-length", "-t", "wav", "-", "-r", str(RATE_HZ), "-c", "1", "-b", "16"),
            *("-e", "signed-integer", "-t", "raw", "-", "gain", "-n", "-3", "pad", "0.1", "0.1"),
        ],
        timeout_s=30,
        stdin=spoken.stdout,
        missing=_HINT,
    )
    if telephone.returncode != 0 or not telephone.stdout:
        raise PbxError("no-voice", f"sox: {telephone.stderr.decode(errors='replace').strip()[-200:]}")
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        target.writeframes(telephone.stdout)
    return file.getvalue()


def install_prompts(
    root: Root,
    *,
    texts: Mapping[str, Mapping[str, str]] | None = None,
    sounds: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Installed:
    """Makes what is missing or has another text now. ``sounds`` is a host path (default: the root's own).

    ``progress(done, of)`` is called before each file that is made.
    """
    table = texts if texts is not None else read_texts()
    root.state.mkdir(parents=True, exist_ok=True)
    # Two instances that start at once share these files: the second waits, then finds them made.
    with open(root.state / "prompts.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _install(root, table, sounds, progress)


def _install(
    root: Root,
    table: Mapping[str, Mapping[str, str]],
    sounds: Path | None,
    progress: Callable[[int, int], None] | None,
) -> Installed:
    wanted: list[tuple[Path, str, str, str]] = []
    for language in sorted({language for of_prompt in table.values() for language in of_prompt}):
        folder = (sounds / language if sounds else root.resolve(_SOUNDS / language)) / "acd"
        wanted += [(folder, name, language, table[name][language]) for name in sorted(table) if language in table[name]]
    made = current = kept = 0
    for folder, name, language, text in wanted:
        notes = _read_notes(folder)
        file, note = folder / f"{name}.wav", notes.get(name, {})
        if file.exists():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            if content != note.get("sha256"):
                kept += 1
                continue
            if note.get("text") == text:
                current += 1
                continue
        if progress is not None:
            progress(made + current + kept, len(wanted))
        sound = speak(root, text, language)
        _write(file, sound)
        notes[name] = {"text": text, "sha256": hashlib.sha256(sound).hexdigest()}
        write_atomically(folder / "made.json", json.dumps(notes, ensure_ascii=False, indent=1) + "\n", 0o644)
        made += 1
    return Installed(made, current, kept)


def whisper(root: Root, text: str, language: str, folder: Path) -> Path:
    """A campaign's label for the agent's ear, made once per text below ``folder`` (a host path).

    Returns what ``Playback()`` takes: the path as Asterisk sees it, without its suffix.
    """
    name = "whisper-" + hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()[:16]
    file = folder / f"{name}.wav"
    if not file.exists():
        _write(file, speak(root, text, language))
    return root.inside(folder / name)


def _read_notes(folder: Path) -> dict[str, dict[str, str]]:
    try:
        notes = json.loads((folder / "made.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _write(file: Path, sound: bytes) -> None:
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(sound)
        part.chmod(0o644)
        part.replace(file)
    except PermissionError as error:
        raise PbxError("not-allowed", f"cannot write {file}: run this as root or as the owner of the sounds") from error
