"""The simulated call centre's plan: campaigns, queues and agents at home."""

from random import Random

from router.domain.commands import AgentProfile
from router.domain.ids import SECOND, AgentId, CampaignName, QueueName
from router.domain.need import Need
from router.domain.rules import CallbackRules, CampaignRules, QueueRules, Rules, ToClosing, ToQueue

SHOP, BANK, HOTLINE = CampaignName("shop"), CampaignName("bank"), CampaignName("hotline")
ORDERS, GENERAL = QueueName("shop/orders"), QueueName("shop/general")
ACCOUNTS, URGENT = QueueName("bank/accounts"), QueueName("hotline/urgent")
CALL_ME = "2"
"The key of callers who want to be called back."
DNIS = {SHOP: "+4930555100", BANK: "+4930555200", HOTLINE: "+4930555300"}


def rules(version: int = 1, *, ring_s: int = 12, wrapup_s: int = 8, max_wait_s: int = 90) -> Rules:
    """Rules with every feature in use. Odd and even versions differ, so that a reload changes something."""
    ring_us, max_wait_us = ring_s * SECOND, max_wait_s * SECOND
    queues = (
        QueueRules(
            name=ORDERS,
            campaign=SHOP,
            need=Need.parse("de >= 60 and orders" if version % 2 else "de >= 50 and orders"),
            ring_us=ring_us,
            wrapup_us=wrapup_s * SECOND,
            max_wait_us=max_wait_us,
            exit_keys="1",
            overflow=(ToQueue(queue=GENERAL), ToClosing()),
            callback=_callback(agent_first=True),
        ),
        QueueRules(
            name=GENERAL,
            campaign=SHOP,
            need=Need.parse("de"),
            ring_us=ring_us,
            wrapup_us=wrapup_s * SECOND,
            max_wait_us=max_wait_us,
            exit_keys="1",
        ),
        QueueRules(
            name=ACCOUNTS,
            campaign=BANK,
            need=Need.parse("bank >= 50 or (bank and en)"),
            priority=version % 2,
            ring_us=ring_us,
            wrapup_us=0,
            max_wait_us=2 * max_wait_us,
            exit_keys="1",
            callback=_callback(agent_first=False),
        ),
        QueueRules(
            name=URGENT,
            campaign=HOTLINE,
            need=Need.parse("hotline"),
            priority=5,
            ring_us=ring_us,
            wrapup_us=wrapup_s * SECOND // 2,
            max_wait_us=max_wait_us,
            exit_keys="1",
            overflow=(ToQueue(queue=GENERAL), ToClosing()),
        ),
    )
    campaigns = (
        CampaignRules(name=SHOP, client="example-shop", dnis=(DNIS[SHOP],), entry=ORDERS, whisper="acd/whisper-shop"),
        CampaignRules(name=BANK, client="example-bank", dnis=(DNIS[BANK],), entry=ACCOUNTS, press_one=True),
        CampaignRules(name=HOTLINE, client="example-hotline", dnis=(DNIS[HOTLINE],), entry=URGENT),
    )
    return Rules(
        config_hash=f"version-{version}",
        campaigns={campaign.name: campaign for campaign in campaigns},
        queues={queue.name: queue for queue in queues},
        pause_reasons={"": "break", "1": "lunch", "2": "training"},
    )


def _callback(*, agent_first: bool) -> CallbackRules:
    return CallbackRules(
        key=CALL_ME,
        trunk="carrier",
        caller_id="+4930555100",
        agent_first=agent_first,
        tries=3,
        ring_us=15 * SECOND,
        retry_after_us=20 * SECOND,
        expires_us=240 * SECOND,
    )


def agents(count: int, dice: Random) -> list[AgentProfile]:
    """Everybody speaks some German; the other skills are spread so that every queue has somebody."""
    profiles = []
    for number in range(1001, 1001 + count):
        skills = {"de": dice.choice((40, 55, 70, 100))}
        for skill, share in (("orders", 0.6), ("bank", 0.5), ("hotline", 0.4), ("en", 0.5)):
            if number < 1003 or dice.random() < share:
                skills[skill] = dice.choice((30, 60, 90))
        profiles.append(AgentProfile(agent_id=AgentId(f"agent-{number}"), endpoint=f"agent-{number}", skills=skills))
    return profiles
