"""The simulated call centre's plan: campaigns, queues and agents at home."""

from random import Random

from router.domain.ids import SECOND, AgentId, CampaignName, QueueName
from router.domain.messages.commands import AgentProfile, Post
from router.domain.record import OfferResult
from router.domain.rulebook.conduct import AFTER, Consequence, Follows, PauseRules, WrapUp
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import (
    AtClosing,
    CallbackRules,
    CampaignRules,
    Outside,
    QueueRules,
    Ring,
    Rules,
    Staffed,
    ToClosing,
    ToNumber,
    ToQueue,
    ToVoicemail,
)

SHOP, BANK, HOTLINE = CampaignName("shop"), CampaignName("bank"), CampaignName("hotline")
ORDERS, GENERAL = QueueName("shop/orders"), QueueName("shop/general")
ACCOUNTS, URGENT = QueueName("bank/accounts"), QueueName("hotline/urgent")
CALL_ME = "2"
"The key of callers who want to be called back."
OUTSIDE = "+4930555700"
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
            rings=(
                Ring(after_us=8 * SECOND, need=Need.parse("de >= 40 and orders")),
                Ring(after_us=25 * SECOND, need=Need.parse("de >= 40")),
            ),
            wrapup=WrapUp.EXTENDABLE,
            wrapup_max_us=30 * SECOND,
            max_waiting=25 + version % 2 * 20,
            redial_us=30 * SECOND,
            join_if=(Staffed.LOGGED_IN,),
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
            at_once=2,
            keys=(("9", ToVoicemail()),),
        ),
        QueueRules(
            name=ACCOUNTS,
            campaign=BANK,
            need=Need.parse("bank >= 50 or (bank and en)"),
            priority=version % 2,
            ring_us=ring_us,
            wrapup=WrapUp.MANDATORY,
            wrapup_us=0,
            wrapup_max_us=15 * SECOND,
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
            stay_if=(Staffed.LOGGED_IN, Staffed.REACHABLE),
            keys=(("9", ToNumber(number=OUTSIDE)),),
            overflow=(ToNumber(number=OUTSIDE), ToQueue(queue=GENERAL), ToClosing()),
        ),
    )
    campaigns = (
        CampaignRules(
            name=SHOP,
            client="example-shop",
            dnis=(DNIS[SHOP],),
            entry=ORDERS,
            whisper="acd/whisper-shop",
            last_agent=True,
            keep_us=6 * SECOND,
        ),
        CampaignRules(
            name=BANK,
            client="example-bank",
            dnis=(DNIS[BANK],),
            entry=ACCOUNTS,
            press_one=True,
            at_closing=AtClosing.OVERFLOW if version % 2 else AtClosing.CLOSING,
        ),
        CampaignRules(name=HOTLINE, client="example-hotline", dnis=(DNIS[HOTLINE],), entry=URGENT),
    )
    return Rules(
        config_hash=f"version-{version}",
        campaigns={campaign.name: campaign for campaign in campaigns},
        queues={queue.name: queue for queue in queues},
        pause_reasons={"": "break", "1": "lunch", "2": "training"},
        pauses={
            "lunch": PauseRules(max_us=20 * SECOND, per_day_us=120 * SECOND, at_most=12),
            "break": PauseRules(max_us=15 * SECOND, paid=True),
        },
        after={
            **AFTER,
            OfferResult.REJECTED: (Consequence(follows=Follows.NOTHING), Consequence(follows=Follows.PAUSE)),
        },
        outside=Outside(trunk="carrier", ring_us=10 * SECOND),
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
        name = f"agent-{number}"
        posts: dict[str, Post] = {ORDERS: Post(delay_us=5 * SECOND)} if number % 10 == 7 else {}
        posts |= {ACCOUNTS: Post(priority=1)} if number % 10 == 8 else {}
        cap = 12 if number % 10 == 9 else 0
        profile = AgentProfile(agent_id=AgentId(name), endpoint=name, skills=skills, posts=posts, daily_cap=cap)
        profiles.append(profile)
    return profiles
