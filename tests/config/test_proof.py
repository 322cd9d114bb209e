"""What check-config proves of files without a fault: who is meant by a skill, whom a ring adds, when anybody opens."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.cli.config import app
from router.config import load
from router.config.proof import Surroundings, doubts
from router.domain.ids import SECOND, AgentId
from router.domain.messages.commands import AgentProfile, Post
from tests.config.site_files import SECRET, SHOP, WriteSite

NOON = 1_790_000_000 * SECOND


def people(*skills: str) -> tuple[AgentProfile, ...]:
    held = [dict(word.split("=") for word in words.split()) for words in skills]
    return tuple(
        AgentProfile(
            agent_id=AgentId(f"agent-{number}"),
            endpoint=f"agent-{number}",
            skills={name: int(level) for name, level in each.items()},
        )
        for number, each in enumerate(held)
    )


def doubted(a_site: WriteSite, queue: str = "", *agents: str, campaign: str = "", **around: object) -> list[str]:
    text = SHOP.replace("[queue.orders]", f"{campaign}\n[queue.orders]") + queue
    known = {"agents": people(*agents) or None} | around
    return list(doubts(load(a_site(shop=text), SECRET), Surroundings(**known), NOON))  # type: ignore[arg-type]


def test_files_that_leave_no_doubt(a_site: WriteSite) -> None:
    assert doubted(a_site, 'need = "de >= 60"\nring = [{ after_s = 9, need = "de" }]\n', "de=80", "de=20") == []


def test_a_skill_nobody_has_is_told_with_the_nearest_one(a_site: WriteSite) -> None:
    found = doubted(a_site, 'need = "de and ordres"\n', "de=80 orders=20")
    assert found[0] == "queue shop/orders: nobody in the directory has the skill ordres (did you mean orders?)"
    assert "nobody in the directory meets 'de and ordres'" in found[1]


def test_without_a_directory_nothing_is_said_of_people(a_site: WriteSite) -> None:
    assert doubted(a_site, 'need = "ordres"\n') == []


def test_a_ring_that_adds_nobody_or_that_nobody_meets(a_site: WriteSite) -> None:
    steps = ((9, "de >= 50"), (19, "de > 90"), (29, "fr > 60"))
    each = [f'{{ after_s = {after_s}, need = "{need}" }}' for after_s, need in steps]
    rings = f"ring = [{', '.join(each)}]\n"
    found = doubted(a_site, 'need = "de >= 60"\n' + rings, "de=80", "de=10 fr=5")
    assert found == [
        "queue shop/orders: the ring after 9 s adds nobody who may not be asked before",
        "queue shop/orders: the ring after 19 s is met by nobody: 'de > 90'",
        "queue shop/orders: the ring after 29 s is met by nobody: 'fr > 60'",
    ]


def test_a_ring_that_says_what_counts_already(a_site: WriteSite) -> None:
    found = doubted(a_site, 'need = "de"\nring = [{ after_s = 9, need = " de " }]\n')
    assert found == ["queue shop/orders: the ring after 9 s asks for what counts already"]


def test_a_need_that_only_known_callers_can_have(a_site: WriteSite) -> None:
    found = doubted(a_site, 'need = "$language >= 60"\n', "de=80")
    assert len(found) == 1
    assert "a caller of whom nothing is known finds nobody" in found[0]
    assert doubted(a_site, 'need = "$language >= 60"\nring = [{ after_s = 9, need = "" }]\n', "de=80") == []


def test_memory_that_does_nothing(a_site: WriteSite) -> None:
    [found] = doubted(a_site, campaign="last_agent = true")
    assert "last_agent does nothing" in found


def test_hours_that_never_open(a_site: WriteSite) -> None:
    found = doubted(a_site, campaign="[hours]\nmon = []")
    assert len(found) == 1
    assert found[0].startswith("campaign shop, hours: never open within a year")


def test_prompts_and_music_that_do_not_exist(a_site: WriteSite) -> None:
    around = {"prompts": {"acd/closing": {"de"}, "hello": set()}, "music": {"default", "jazz"}}
    for campaign, count in (
        ('music = "jaz"\nwhisper = "acd/closin"', 2),
        ('music = "jazz"\nwhisper = "acd/whisper-shop"', 0),
        ('whisper = "hello"', 0),
        ('whisper = "acd/whisper-bank"', 1),
    ):
        found = doubted(a_site, campaign=campaign, **around)
        assert len(found) == count, found
    assert "did you mean jazz?" in doubted(a_site, campaign='music = "jaz"', **around)[0]
    assert doubted(a_site, campaign='music = "jaz"') == []


def test_what_callers_of_a_queue_are_to_hear_exists_in_their_language(a_site: WriteSite) -> None:
    around = {"prompts": {"acd/closing": {"de", "en"}, "acd/welcome": {"en"}, "own": set()}, "music": {"default"}}
    treatment = '[queue.orders.treatment]\nwelcome = "acd/welcom"\ncomfort = ["acd/welcome", "own"]\nmusic = "jaz"\n'
    assert doubted(a_site, treatment, **around) == [
        "queue shop/orders: Asterisk has no music class 'jaz'; callers hear silence",
        "queue shop/orders: there is no prompt 'acd/welcom' (welcome) (did you mean acd/welcome?); "
        "callers hear nothing",
        "queue shop/orders: 'acd/welcome' (comfort) is not there in 'de', only in en",
    ]


@pytest.mark.parametrize(("language", "count"), [("de", 0), ("de_AT", 0), ("fr", 1)])
def test_a_language_nobody_speaks(a_site: WriteSite, language: str, count: int) -> None:
    around = {"prompts": {"acd/closing": {"de", "en"}}}
    found = doubted(a_site, campaign=f'language = "{language}"', **around)
    assert len(found) == count
    assert all("no prompt is spoken in 'fr'" in doubt for doubt in found)


def test_a_post_at_a_queue_that_is_gone(a_site: WriteSite) -> None:
    agent = AgentProfile(agent_id=AgentId("anna"), endpoint="anna", posts={"shop/order": Post(priority=1)})
    found = doubted(a_site, agents=(agent,))
    assert found == ["agent anna is posted to shop/order, which is no queue (did you mean shop/orders?)"]


@pytest.mark.parametrize("as_json", [True, False])
def test_check_config_shows_hours_and_tells_doubts(a_site: WriteSite, tmp_path: Path, as_json: bool) -> None:
    campaign = 'last_agent = true\n[hours]\nmon-sun = ["00:00-24:00"]\n[queue.orders]'
    text = SHOP.replace("[queue.orders]", campaign)
    (tmp_path / "musiconhold.conf").write_text("[general]\n[jazz](!)\n[rock]\n")
    arguments = ["check-config", str(a_site(shop=text)), "--asterisk", str(tmp_path), *(["--json"] if as_json else [])]
    result = CliRunner().invoke(app, arguments, env=SECRET)
    assert result.exit_code == 0, result.output
    if as_json:
        told = json.loads(result.stdout)
        assert told["campaigns"][0]["hours"]["open_now"] is True
        assert [word for word in ("last_agent", "music class 'default'") if word in " ".join(told["warnings"])] == [
            "last_agent",
            "music class 'default'",
        ]
    else:
        assert "open" in result.stdout
        assert "last_agent" in result.stdout


def test_an_emergency_campaign_that_keeps_callers_for_an_agent(a_site: WriteSite) -> None:
    found, _ = doubted(a_site, campaign="emergency = true\nkeep_s = 60")
    assert found.startswith("campaign shop: keep_s does nothing beside emergency = true")


def test_an_emergency_campaign_whose_callers_end_in_the_closing_message(a_site: WriteSite) -> None:
    (found,) = doubted(a_site, campaign="emergency = true")
    assert found.startswith(
        "queue shop/orders: an emergency caller whom nobody has taken after 600 s hears the closing"
    )
    assert doubted(a_site, 'overflow = ["voicemail", "closing"]\n', campaign="emergency = true") == []
