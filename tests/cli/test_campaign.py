"""`ringfair campaign …`: a file from flags or questions that is kept only if the whole site is good with it."""

import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.cli.exits import DONE, REFUSED, USAGE
from router.cli.filing import in_place
from router.cli.interview import Home, Told, interview, numbers, queue
from router.domain.errors import CommandRefused
from tests.cli.conftest import CAMPAIGN, Bench

CARE = ["--client", "example-clinic", "--dnis", "+493023125200", "--queue", "urgent:care >= 50"]
NEW_CARE = ["campaign", "new", "care", *CARE]
NOBODY = Told(name="care", campaign={}, queues={}, each={})


class Admin:
    """Answers questions by the key at their end, each answer once; Enter where there is none."""

    def __init__(self, **answers: str | list[str]) -> None:
        self._answers = {key: [said] if isinstance(said, str) else list(said) for key, said in answers.items()}
        self.asked: list[str] = []
        self.heard: list[str] = []

    def ask(self, question: str, default: str) -> str:
        key = question.rpartition("\n")[2]
        self.asked.append(key)
        return self._answers[key].pop(0) if self._answers.get(key) else default

    def told(self, so_far: Told = NOBODY) -> Told:
        return interview(so_far, self.ask, self.heard.append)


@pytest.fixture
def unmasked() -> Iterator[None]:
    """The mask of an admin whose new files nobody else may read."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def files(bench: Bench) -> dict[str, str]:
    return {path.name: path.read_text() for path in (bench.directory / "campaigns").iterdir()}


def said(bench: Bench, name: str = "care") -> dict[str, Any]:
    return tomllib.loads(files(bench)[f"{name}.toml"])


def test_flags_make_a_file_that_says_them(bench: Bench) -> None:
    more = ["--language", "en", "--time-zone", "Europe/London", "--greeting", "answered", "--whisper", "acd/care"]
    result = bench.run(*NEW_CARE, *more, "--ring-s", "12", "--wrapup-s", "7.5", "--max-wait-s", "90")
    assert result.exit_code == DONE, result.output
    assert result.stdout == files(bench)["care.toml"]
    assert str(bench.directory / "campaigns" / "care.toml") in result.stderr
    assert said(bench) == {
        "campaign": {
            "name": "care",
            "client": "example-clinic",
            "dnis": ["+493023125200"],
            "language": "en",
            "time_zone": "Europe/London",
            "greeting": "answered",
            "whisper": "acd/care",
        },
        "queue": {"urgent": {"need": "care >= 50", "ring_s": 12, "wrapup_s": 7.5, "max_wait_s": 90}},
    }


OPEN = ["--hours", "mon-fri 9-13, 14:00-18:00", "--hours", "sat 22-2", "--holidays", "DE-BE"]
OPEN_HOURS = {"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": ["22:00-02:00"], "holidays": "DE-BE"}


def test_hours_and_holidays_by_flags_make_a_campaign_that_is_ready_overnight(bench: Bench) -> None:
    result = bench.run(*NEW_CARE, "--time-zone", "Europe/Vienna", *OPEN)
    assert result.exit_code == DONE, result.output
    assert said(bench)["hours"] == OPEN_HOURS
    assert said(bench)["campaign"]["time_zone"] == "Europe/Vienna"
    assert "#exceptions = []" in result.stdout  # every other key of [hours] is a remark

    checked = bench.json("check-config", str(bench.directory), "--json")
    [care] = [campaign for campaign in checked["campaigns"] if campaign["name"] == "care"]
    assert care["time_zone"] == "Europe/Vienna"
    assert len(care["hours"]["openings"]) == 3
    assert not [warning for warning in checked["warnings"] if "hours" in warning and "care" in warning]


def test_the_remark_on_call_backs_says_by_which_prompt_they_are_offered(bench: Bench) -> None:
    remarks = " ".join(bench.run(*NEW_CARE).stdout.replace("# ", "").split())
    assert 'Say so: keys = "acd/callback-offer-1" of the treatment' in remarks


def test_a_campaign_may_be_open_always_but_on_holidays(bench: Bench) -> None:
    assert bench.run(*NEW_CARE, "--holidays", "DE").exit_code == DONE
    assert said(bench)["hours"] == {"mon-sun": ["00:00-24:00"], "holidays": "DE"}
    checked = bench.run("check-config", str(bench.directory))
    assert (checked.exit_code, "never open" in checked.output) == (DONE, False)


@pytest.mark.parametrize("words", [[], ["--hours", "always"], ["--holidays", "none"], ["--holidays", ""]])
def test_a_campaign_of_which_no_hours_are_said_is_open_always(bench: Bench, words: list[str]) -> None:
    assert bench.run(*NEW_CARE, *words).exit_code == DONE
    assert "hours" not in said(bench)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--hours", ""], "days and times"),
        (["--hours", "09:00-18:00"], "the days first"),
        (["--hours", "mon-fri"], "times after mon-fri"),
        (["--hours", "always, mon 9-10"], "times after always"),
        (["--hours", "weekdays 9-18"], 'days like "mon-fri"'),
        (["--hours", "mon 25:00-26:00"], "two digits each"),
        (["--hours", "mon 09:00-09:00"], "00:00-24:00"),
        (["--hours", "mon 9-18 \x1b[31m"], "hours"),
        (["--hours", "mon-wed 9-18, wed-fri 9-12"], "no day that mon-wed has too"),
        (["--holidays", "Bavaria"], "a country with public holidays"),
        (["--hours", "mon 9-18", "--holidays", "DE-XX"], "a region of DE"),
    ],
)
def test_hours_that_cannot_be_meant_are_told_and_touch_nothing(bench: Bench, words: list[str], sentence: str) -> None:
    before = files(bench)
    result = bench.run(*NEW_CARE, *words)
    assert result.exit_code == USAGE, result.output
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert "\x1b[31m" not in result.output
    assert files(bench) == before


def test_the_file_is_whole_readable_by_all_and_alone(bench: Bench, unmasked: None) -> None:
    bench.run(*NEW_CARE)
    assert sorted(files(bench)) == ["care.toml", "shop.toml"]
    assert (bench.directory / "campaigns" / "care.toml").stat().st_mode & 0o7777 == 0o644


def test_the_first_campaign_makes_the_folder_and_a_faulty_one_leaves_none(bench: Bench) -> None:
    (bench.directory / "campaigns" / "shop.toml").unlink()
    (bench.directory / "campaigns").rmdir()
    assert bench.run(*NEW_CARE, "--overflow", "queue:nowhere").exit_code == USAGE
    assert not (bench.directory / "campaigns").exists()
    assert bench.run(*NEW_CARE).exit_code == DONE
    assert list(files(bench)) == ["care.toml"]


def test_a_fault_that_only_the_whole_site_shows_keeps_nothing(bench: Bench) -> None:
    before = files(bench)
    result = bench.run("campaign", "new", "care", "--client", "x", "--dnis", "+493023125100", "--queue", "urgent")
    assert result.exit_code == USAGE
    assert "nothing was written" in result.stderr
    assert "a number not dialled for care too" in result.stderr
    assert files(bench) == before


def test_what_the_flags_say_wrong_is_told_at_once_and_touches_nothing(bench: Bench) -> None:
    before = files(bench)
    for arguments, sentence in (
        (["campaign", "new", "../shop", *CARE], "small letters"),
        (["campaign", "new", "/etc/passwd"], "small letters"),
        (["campaign", "new", "care\n"], "small letters"),
        ([*NEW_CARE, "--ring-s", "0"], "at least 1"),
        ([*NEW_CARE, "--ring-s", "nan"], "a finite number"),
        ([*NEW_CARE, "--greeting", "later"], "early-media"),
        ([*NEW_CARE, "--dnis", "030 23125-201"], "E.164"),
        ([*NEW_CARE, "--queue", "late:de >="], "expected a number"),
        ([*NEW_CARE, "--queue", "Late"], "small letters"),
        ([*NEW_CARE, "--queue", "urgent"], "given twice"),
        ([*NEW_CARE, "--time-zone", "Berlin"], "IANA"),
        (["campaign", "new", "canary", *CARE], "another name"),
        (["campaign", "new", "care", *CARE[2:], "--client", "\udcff"], "campaign.client"),
    ):
        result = bench.run(*arguments)
        assert result.exit_code == USAGE, result.output
        assert sentence in result.stderr
        assert "Traceback" not in result.output
    assert files(bench) == before


def test_a_campaign_that_is_there_is_replaced_by_force_only(bench: Bench) -> None:
    again = ["campaign", "new", "shop", "--client", "new-shop", "--dnis", "+493023125100", "--queue", "sales"]
    result = bench.run(*again)
    assert result.exit_code == REFUSED
    assert "--force" in result.stderr
    assert files(bench) == {"shop.toml": CAMPAIGN}
    assert bench.run(*again, "--force").exit_code == DONE
    assert said(bench, "shop")["campaign"]["client"] == "new-shop"
    assert list(files(bench)) == ["shop.toml"]


def test_a_replacement_with_a_fault_brings_back_the_very_file_that_was_there(bench: Bench) -> None:
    path = bench.directory / "campaigns" / "shop.toml"
    path.chmod(0o640)
    before = path.stat()
    faulty = ["--client", "x", "--dnis", "+493023125100", "--queue", "a", "--overflow", "queue:nowhere", "--force"]
    result = bench.run("campaign", "new", "shop", *faulty)
    assert result.exit_code == USAGE
    assert files(bench) == {"shop.toml": CAMPAIGN}
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)


def test_an_interrupted_look_leaves_things_as_they_were(bench: Bench) -> None:
    folder = bench.directory / "campaigns"

    def interrupted(name: str, *, force: bool) -> None:
        with in_place(folder / f"{name}.toml", "x = 1\n", force=force):
            assert files(bench)[f"{name}.toml"] == "x = 1\n"
            raise KeyboardInterrupt

    for name, force in (("care", False), ("care", True), ("shop", True)):
        with pytest.raises(KeyboardInterrupt):
            interrupted(name, force=force)
        assert files(bench) == {"shop.toml": CAMPAIGN}


def test_who_was_first_meanwhile_is_not_overwritten(bench: Bench) -> None:
    path = bench.directory / "campaigns" / "shop.toml"
    with pytest.raises(CommandRefused, match="there already"), in_place(path, "x = 1\n", force=False):
        pass
    assert files(bench) == {"shop.toml": CAMPAIGN}


def test_a_dry_run_shows_the_file_and_touches_nothing(bench: Bench, tmp_path: Path) -> None:
    before = files(bench)
    result = bench.run(*NEW_CARE, "--dry-run")
    assert result.exit_code == DONE
    assert tomllib.loads(result.stdout)["campaign"]["name"] == "care"
    assert "nothing written" in result.stderr
    assert bench.run("campaign", "new", "shop", *CARE, "--dry-run", "--config", str(tmp_path)).exit_code == DONE
    assert files(bench) == before


def test_json_has_the_path_the_text_and_the_faults(bench: Bench) -> None:
    written = bench.json(*NEW_CARE, "--json")
    assert written["path"] == str(bench.directory / "campaigns" / "care.toml")
    assert written["text"] == files(bench)["care.toml"]
    assert (written["written"], written["faults"]) == (True, [])
    dry = bench.json("campaign", "new", "late", *CARE, "--dry-run", "--json")
    assert (dry["written"], tomllib.loads(dry["text"])["campaign"]["name"]) == (False, "late")
    result = bench.run("campaign", "new", "late", *CARE, "--json")
    assert result.exit_code == USAGE
    refused = json.loads(result.stdout)
    assert refused["written"] is False
    assert [(fault["file"], fault["key"]) for fault in refused["faults"]] == [
        ("campaigns/late.toml", "campaign.dnis[0]")
    ]


def test_without_a_terminal_the_missing_flags_are_named(bench: Bench) -> None:
    result = bench.run("campaign", "new", "care", "--dnis", "+493023125200")
    assert result.exit_code == USAGE
    assert "--client, --queue are missing" in result.stderr
    assert "--dnis +49" in result.stderr  # how it is said
    result = bench.run("campaign", "new", "care", "--yes")
    assert "--client, --dnis have no default" in result.stderr
    assert list(files(bench)) == ["shop.toml"]


def test_yes_takes_the_defaults(bench: Bench) -> None:
    assert bench.run("campaign", "new", "care", "--client", "x", "--dnis", "", "--yes").exit_code == DONE
    assert said(bench) == {"campaign": {"name": "care", "client": "x", "dnis": []}, "queue": {"general": {}}}


def test_a_directory_without_a_site_is_told(bench: Bench, tmp_path: Path) -> None:
    result = bench.run(*NEW_CARE, "--config", str(tmp_path / "nowhere"))
    assert result.exit_code == REFUSED
    assert "--config DIR" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_one_list_of_targets_serves_all_queues(bench: Bench) -> None:
    targets = ["--overflow", "queue:urgent", "--overflow", "queue:care/late", "--overflow", "queue:shop/orders"]
    assert bench.run(*NEW_CARE, "--queue", "late", "--queue", "first:", *targets).exit_code == DONE
    assert {name: keys.get("overflow") for name, keys in said(bench)["queue"].items()} == {
        "urgent": ["queue:care/late", "queue:shop/orders"],
        "late": ["queue:shop/orders"],
        "first": ["queue:urgent", "queue:care/late", "queue:shop/orders"],
    }


def test_numbers_are_taken_as_people_write_them() -> None:
    assert numbers(["+49 (30) 23125-100", " +49 30 23125200", "030 1", ""]) == [
        "+493023125100",
        "+493023125200",
        "030 1",
    ]
    assert queue("orders: de >= 60 ") == ("orders", {"need": "de >= 60"})
    assert queue("orders") == ("orders", {})


def test_everything_not_told_is_asked_and_enter_takes_the_default() -> None:
    admin = Admin(client="example-clinic", dnis="+49 30 23125200, +49 30 23125201 +493023125202")
    told = admin.told()
    assert admin.asked[:6] == ["client", "dnis", "language", "time_zone", "greeting", "whisper"]
    assert told.answers["campaign"]["dnis"] == ["+493023125200", "+493023125201", "+493023125202"]
    assert told.answers["campaign"]["language"] == "de"
    assert told.answers["queue"] == {
        "general": {"need": "", "ring_s": 15, "wrapup_s": 20, "max_wait_s": 600, "overflow": ["closing"]}
    }
    assert told.missing == ()
    assert admin.heard == []


def test_hours_are_asked_for_and_the_site_says_what_enter_stands_for() -> None:
    vienna = Home(time_zone="Europe/Vienna", country="AT")
    admin = Admin(client="x", hours=["9-18", "mon-fri 9-18, fri-sun 10-14", "mon-fri 9-18, sat 10-14"])
    told = interview(NOBODY, admin.ask, admin.heard.append, vienna)
    assert told.answers["campaign"]["time_zone"] == "Europe/Vienna"
    assert told.answers["hours"] == {"mon-fri": ["09:00-18:00"], "sat": ["10:00-14:00"], "holidays": "AT"}
    assert [sentence.split(",")[0] for sentence in admin.heard] == [
        "expected the days first",
        "expected no day that mon-fri has too (fri) beside fri-sun",
    ]

    admin = Admin(client="x", hours="mon-fri 9-18", holidays=["Tyrol", "none"])
    told = interview(NOBODY, admin.ask, admin.heard.append, vienna)
    assert told.answers["hours"] == {"mon-fri": ["09:00-18:00"], "holidays": ""}
    assert "a country with public holidays" in admin.heard[0]

    told = interview(NOBODY, Admin(client="x").ask, admin.heard.append, vienna)  # Enter: always
    assert "hours" not in told.answers
    nowhere = Home(country="QQ")  # a country whose holidays nobody knows
    told = interview(NOBODY, Admin(client="x", hours="mon 9-18").ask, admin.heard.append, nowhere)
    assert told.answers["hours"]["holidays"] == ""


def test_what_was_told_is_not_asked() -> None:
    told = Told(name="care", campaign={"client": "x"}, queues={"urgent": {}}, each={"ring_s": 9.0})
    admin = Admin()
    assert admin.told(told).answers["queue"]["urgent"]["ring_s"] == 9
    assert not {"client", "queue", "need", "ring_s"} & set(admin.asked)


def test_a_bad_answer_is_asked_again_with_the_reason() -> None:
    admin = Admin(
        client=["", "x"],
        dnis=["030", "+493023125200"],
        time_zone=["Berlin", "Europe/Vienna"],
        queue=["Late", "late", "late", ""],
        need=["de >=", "de >= 60"],
        ring_s=["soon", "0", "10"],
        overflow=[",", "queue:late closing"],
    )
    told = admin.told()
    assert told.campaign["time_zone"] == "Europe/Vienna"
    assert told.queues == {"late": {"need": "de >= 60"}}
    assert told.each["ring_s"] == 10
    for sentence in ("some text", "E.164", "IANA", "small letters", "that queue is there", "a number", "at least 1"):
        assert any(sentence in heard for heard in admin.heard), sentence


@pytest.mark.parametrize(
    ("hours", "holidays"),
    [("always", "none"), ("mon-sat 9-13 14-18, sat closed, sun 22-2", "DE-BY"), ("always", "DE")],
)
def test_what_was_answered_can_be_said_again_by_flags(bench: Bench, hours: str, holidays: str) -> None:
    name = "Müller & 'Söhne' $(id)"
    told = Admin(client=name, queue="a", need="de >= 60", hours=hours, holidays=holidays).told()
    echoed = subprocess.run(
        ["sh", "-c", f'ringfair() {{ for word in "$@"; do printf "%s\\0" "$word"; done; }}; {told.flags()}'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert bench.run(*echoed.stdout.split("\0")[:-1]).exit_code == DONE
    assert said(bench) == told.answers


def at_a_terminal(bench: Bench, lines: str) -> "subprocess.CompletedProcess[str]":
    """`ringfair campaign new care` with somebody at the keyboard."""
    bench.write()
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, lines.encode())
        return subprocess.run(
            [sys.executable, "-m", "router", "campaign", "new", "care"],
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "RINGFAIR_CONFIG": str(bench.directory)},
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_at_a_terminal_it_asks_shows_the_file_and_asks_once_more(bench: Bench) -> None:
    answers = "example-clinic\n+493023125200\n\n\n\n\n\n\nurgent\nde >= 60\n\n\n\n\n\n"
    result = at_a_terminal(bench, f"{answers}n\n")
    assert result.returncode == 1, result.stderr
    assert "Nothing was written" in result.stderr
    assert list(files(bench)) == ["shop.toml"]
    result = at_a_terminal(bench, f"{answers}perhaps\ny\n")
    assert result.returncode == DONE, result.stderr
    assert result.stdout == files(bench)["care.toml"]
    assert said(bench)["queue"]["urgent"]["need"] == "de >= 60"
    assert "Whose work it is; on every record." in result.stderr


def test_who_answered_for_nothing_gets_the_flags_that_say_it_again(bench: Bench) -> None:
    result = at_a_terminal(bench, "example-clinic\n+493023125100\n\n\n\n\n\n\nurgent\n\n\n\n\n\n\ny\n")
    assert result.returncode == USAGE
    assert "a number not dialled for care too" in result.stderr
    assert "ringfair campaign new care --client example-clinic --dnis +493023125100" in result.stderr
    assert list(files(bench)) == ["shop.toml"]


def test_the_list_has_every_campaign(bench: Bench) -> None:
    bench.run(*NEW_CARE)
    listed = bench.json("campaign", "list", "--json")
    assert [(one["name"], one["client"], one["dnis"]) for one in listed] == [
        ("care", "example-clinic", ["+493023125200"]),
        ("shop", "example-shop", ["+493023125100"]),
    ]
    table = bench.run("campaign", "list").stdout
    assert all(cell in table for cell in ("care", "urgent", "+493023125200", "shop", "orders"))


def test_show_draws_a_campaign_as_it_is_obeyed(bench: Bench) -> None:
    bench.run(*NEW_CARE, "--queue", "late", "--overflow", "queue:late", "--max-wait-s", "90")
    path = bench.directory / "campaigns" / "care.toml"
    text = path.read_text().replace("#exit_keys = ", "exit_keys = ").replace('exit_keys = ""', 'exit_keys = "1"')
    path.write_text(text.replace('#greeting = "early-media"', 'greeting = "answered"'))
    tree = bench.run("campaign", "show", "care").stdout
    for branch in (
        "care  example-clinic, de, Europe/Berlin, answered",
        "+493023125200",
        "queue urgent  callers begin here",
        "asks for care >= 50",
        "asks for nobody in particular",
        'exit_keys "1"',
        "after 90 s on to",
        "queue:care/late",
        "closing",
    ):
        assert branch in tree
    shown = bench.json("campaign", "show", "care", "--json")
    assert [(queue["name"], queue["overflow"]) for queue in shown["queues"]] == [
        ("care/urgent", ["queue:care/late"]),
        ("care/late", ["closing"]),
    ]
    assert shown["queues"][0]["max_wait_s"] == 90


def test_show_tells_what_callers_hear_call_backs_dispositions_and_where_they_go_when_it_is_closed(bench: Bench) -> None:
    bench.run(*NEW_CARE)
    path = bench.directory / "campaigns" / "care.toml"
    text = path.read_text().replace('#greeting = "early-media"', 'greeting = "answered"')
    text = text.replace('#closed = ["closing"]', 'closed = ["voicemail"]')
    text = text.replace("#dispositions = {}", 'dispositions = { 1 = "helped" }')
    bench.settings["trunk.carrier"] = "outbound = true\n"
    more = "[queue.urgent.treatment]\nexpected_wait = true\nevery_s = 60\n[queue.urgent.callback]\ntries = 2\n"
    path.write_text(text + more)
    tree = bench.run("campaign", "show", "care").stdout
    for branch in (
        "dispositions 1 = helped",
        "while it is closed on to voicemail",
        "callers hear: expected_wait true, every_s 60",
        'call-back: key "1"',
        'mode "agent-first"',
    ):
        assert branch in tree
    shown = bench.json("campaign", "show", "care", "--json")
    assert (shown["closed"], shown["dispositions"]) == (["voicemail"], {"1": "helped"})
    [urgent] = shown["queues"]
    assert (urgent["treatment"]["comfort_every_s"], urgent["callback"]["tries"]) == (30, 2)


def test_a_campaign_nobody_knows_is_refused(bench: Bench) -> None:
    result = bench.run("campaign", "show", "\x1b[31m")
    assert result.exit_code == REFUSED
    assert "there are: shop" in result.stderr
    assert "\x1b" not in result.stderr
