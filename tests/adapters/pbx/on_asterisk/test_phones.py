"""Real softphones with passwords of ours: register, answer, dial, and what their INVITE says."""

from __future__ import annotations

import pytest

from router.adapters.pbx.daemon import wait_until
from router.adapters.pbx.instance import AMI_USER, Instance
from tests.adapters.pbx.on_asterisk.conftest import Telephony
from tests.adapters.pbx.on_asterisk.softphone import Softphone
from tests.telephones.manager import Manager


def registered(pbx: Instance, agent: str) -> bool:
    return f"{agent}/sip:" in pbx.rx("pjsip show contacts")


@pytest.mark.parametrize(("agent", "transport"), [("agent-1001", "udp"), ("agent-1002", "tls")])
async def test_an_agents_phone_registers_with_its_digest_and_audio_flows(
    telephony: Telephony, agent: str, transport: str
) -> None:
    pbx = telephony.pbx
    with Softphone(pbx, agent, telephony.passwords[agent], "tls" if transport == "tls" else "udp") as phone:
        assert wait_until(lambda: registered(pbx, agent), 10), phone.log
        async with Manager(pbx.address, pbx.ports.ami, AMI_USER, pbx.ami_secret) as session:
            await session.send(
                "Originate",
                {
                    "Channel": f"PJSIP/{agent}",
                    "Application": "Echo",
                    "Async": "true",
                    "CallerID": '"Shop" <+4930555100>',
                },
            )
            answered = await session.event("OriginateResponse", within_s=10)

            assert answered["Response"] == "Success", phone.log
            assert wait_until(lambda: received(pbx, agent) > 25, 10), pbx.rx("pjsip show channelstats")
            await session.send("Hangup", {"Channel": answered["Channel"], "Cause": "16"})
            await session.event("Hangup", Uniqueid=answered["Uniqueid"])
        if transport == "tls":
            assert "SRTP is Enabled" in phone.log
    assert wait_until(lambda: not registered(pbx, agent), 10)


def received(pbx: Instance, agent: str) -> int:
    """RTP packets received from the agent's phone so far."""
    for line in pbx.rx("pjsip show channelstats").splitlines():
        words = line.split()
        if words and words[0].startswith(agent[:10]) and len(words) > 3:
            return int(words[3])
    return 0


def test_a_wrong_password_is_refused(telephony: Telephony) -> None:
    with Softphone(telephony.pbx, "agent-1001", "wrong") as phone:
        assert phone.says("401 Unauthorized"), phone.log
        assert not registered(telephony.pbx, "agent-1001")


async def test_a_phone_that_auto_answers_can_dial_a_feature_code(telephony: Telephony) -> None:
    pbx = telephony.pbx
    with Softphone(pbx, "agent-1001", telephony.passwords["agent-1001"]) as phone:
        assert wait_until(lambda: registered(pbx, "agent-1001"), 10), phone.log
        async with Manager(pbx.address, pbx.ports.ami, AMI_USER, pbx.ami_secret) as session:
            phone.dial("*45")
            feature = await session.event("AcdFeature", within_s=10)

            assert (feature["Endpoint"], feature["Code"]) == ("agent-1001", "45")
            await session.send("Redirect", redirect(feature["Channel"], "logged-in"))
            # the leg ends by itself when "logged in" was said
            await session.event("Hangup", within_s=15, Uniqueid=feature["Uniqueid"])
    complaints = [line for line in pbx.log_file.read_text().splitlines() if "acd/" in line]
    assert complaints == []


def redirect(channel: str, word: str) -> dict[str, str]:
    return {"Channel": channel, "Context": "acd-say", "Exten": word, "Priority": "1"}


async def test_an_agents_phone_cannot_dial_out(telephony: Telephony) -> None:
    pbx = telephony.pbx
    with Softphone(pbx, "agent-1001", telephony.passwords["agent-1001"]) as phone:
        assert wait_until(lambda: registered(pbx, "agent-1001"), 10), phone.log
        phone.dial("4930555100")

        assert phone.says("404"), phone.log
