"""Bad input gets a clear error and harms nothing."""

from router.domain.record import Outcome
from tests.integration.call_centre import CallCentre
from tests.telephones.carrier import Caller
from tests.telephones.sipp_agent import Answers


async def call_is_answered(centre: CallCentre, number: str) -> None:
    calls = await centre.room.carrier.call(Caller(dnis=number))
    assert (await calls.end(15))[0][-1] == "released"


async def test_an_unknown_number_is_refused_before_the_answer(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)

    lost = await centre.room.carrier.call(Caller(dnis="493023125999"))

    assert await lost.end() == [["refused 404"]]
    await call_is_answered(centre, number)
    assert len(await centre.stories(1)) == 1


async def test_an_agent_without_an_endpoint_costs_nobody_a_call(centre: CallCentre) -> None:
    number = centre.campaign()
    good = centre.agent("agent-2001")
    ghost = centre.agent("agent-9999")
    await centre.start()
    await centre.room.phone(good).behave(Answers(talks_ms=300))
    await centre.log_in(ghost, good)

    await call_is_answered(centre, number)

    [story] = await centre.stories(1)
    assert [offer.agent_id for offer in story.offers] == [good]
    await centre.agent_is(ghost, reach="UNREACHABLE")


async def test_a_hostile_caller_name_and_endless_headers_are_only_text(centre: CallCentre) -> None:
    number = centre.campaign()
    agent = centre.agent("agent-2001")
    await centre.start()
    await centre.room.phone(agent).behave(Answers(talks_ms=300))
    await centre.log_in(agent)
    hostile = [
        Caller(dnis=number, display="Zoë, Action: Hangup, ${SHELL(id)} ${HASH(x)}"),
        Caller(dnis=number, display="x\x07\x1b[31mred\x00"[:12]),
        Caller(dnis=number, headers=("X-Long: " + "a" * 10_000,)),
        Caller(
            dnis=number, headers=("Diversion: <sip:" + "9" * 4_000 + "@x>", 'P-Asserted-Identity: "a,b" <sip:);x@y>')
        ),
        Caller(dnis=number, ani="%0d%0aAction:%20Hangup"),
    ]
    answered = 1
    for caller in hostile:
        calls = await centre.room.carrier.call(caller)
        # Asterisk may refuse, or not even answer, what is no SIP any more; what it lets in is a call like any other
        fates = await calls.end(15)
        assert all(fate[-1] == "released" or fate[-1].startswith("refused") for fate in fates), fates
        answered += sum(fate[-1] == "released" for fate in fates)

    await call_is_answered(centre, number)
    status, said = await centre.get("/readyz")
    assert status == 200, said
    stories = await centre.stories(answered)
    assert len(stories) == answered
    assert answered >= 4
    assert all(story.record and story.record.outcome is Outcome.ANSWERED for story in stories)
    assert all(story.record and len(story.record.ani) <= 64 for story in stories)


async def test_a_wrong_ami_secret_is_named_by_readyz_and_nothing_is_retried_fast(centre: CallCentre) -> None:
    centre.campaign()
    wrong = centre.home / "wrong.secret"
    wrong.write_text("not-the-secret\n")
    wrong.chmod(0o600)
    text = (centre.site / "ringfair.toml").read_text()
    (centre.site / "ringfair.toml").write_text(text.replace(str(centre.room.pbx.secret_file), str(wrong)))
    await centre.start(wait=False)

    async def named() -> bool:
        try:
            status, said = await centre.get("/readyz")
        except OSError:
            return False
        return status == 503 and "refuses our login" in str(said)

    from tests.integration.call_centre import poll

    await poll("readyz names the refusal", named, 15)
    assert "not-the-secret" not in centre.log.read_text()


async def test_a_missing_redis_at_the_start_is_one_clear_error(centre: CallCentre) -> None:
    centre.campaign()
    centre.settings(redis_url="redis://127.0.0.1:1/0")
    await centre.start(wait=False)
    assert centre.process is not None

    code = await centre.process.wait()

    text = centre.log.read_text()
    assert code == 3
    assert "Redis" in text
    assert "Traceback" not in text


async def test_broken_toml_is_told_with_file_and_line(centre: CallCentre) -> None:
    centre.campaign()
    (centre.site / "campaigns" / "shop.toml").write_text("[campaign\nname = 3\n")
    await centre.start(wait=False)
    assert centre.process is not None

    code = await centre.process.wait()

    text = centre.log.read_text()
    assert code == 2
    assert "shop.toml" in text
    assert "Traceback" not in text
