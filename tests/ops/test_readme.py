"""The README keeps what it promises, as far as a machine can see."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEPTH = (ROOT / "deploy" / "survival.md").read_text(encoding="utf-8")


def test_no_placeholder_is_left() -> None:
    assert re.findall(r"@[A-Z]+@", README) == []


def test_every_path_it_names_is_there() -> None:
    named = re.findall(r"`((?:router|asterisk|dialplans|deploy|tests)/[\w./-]*)`", README + DEPTH)
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_it_names_exists() -> None:
    from typer.testing import CliRunner

    from router.cli import app

    for command in sorted(set(re.findall(r"`ringfair ([a-z-]+)", README + DEPTH))):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command


def test_its_campaign_is_one_that_the_router_takes_and_no_key_of_it_is_in_vain(tmp_path: Path) -> None:
    from router.config import load
    from router.config.spoken_keys import keys_told_of, wrong_keys
    from router.domain.ids import QueueName

    campaign, settings = re.findall(r"```toml\n(.+?)```", README, re.DOTALL)
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "phones.toml").write_text(campaign, encoding="utf-8")
    shop = (ROOT / "deploy" / "site" / "campaigns" / "shop.toml").read_text(encoding="utf-8")
    (tmp_path / "campaigns" / "shop.toml").write_text(shop, encoding="utf-8")
    (tmp_path / "ringfair.toml").write_text(f'[asterisk]\nsystemname = "ringfair"\n{settings}', encoding="utf-8")
    site = load(tmp_path, {"RINGFAIR_ASTERISK_SECRET": "secret"})
    assert [note for note in site.warnings if "merge into one pool" not in note] == []
    queue = site.rules.queues[QueueName("phones/orders")]
    assert list(wrong_keys(queue)) == []
    told = {key for _, _, key in keys_told_of(queue)}
    assert queue.callback is not None
    assert told == {*queue.exit_keys, *(key for key, _ in queue.keys), queue.callback.key}, "a key nobody tells of"


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", README)) <= targets


def test_every_run_time_dependency_has_a_line_that_says_why() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = README.partition("## Why each dependency")[2].lower()
    names = [re.match(r"[A-Za-z0-9_-]+", requirement) for requirement in project["dependencies"]]
    assert [name[0] for name in names if name and name[0].lower() not in reasons] == []


def test_no_file_of_the_router_has_more_than_four_hundred_lines() -> None:
    long = {path: lines for path in ROOT.glob("router/**/*.py") if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}
