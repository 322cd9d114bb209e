"""Sites nobody would plan: random rules and people, small enough that shortage and idleness follow one another."""

from random import Random

from router.domain.ids import SECOND, AgentId, CampaignName, Micros, QueueName
from router.domain.messages.commands import AgentProfile, Post
from router.domain.rulebook.choice import Choice
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, Entitlement, Interval
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import (
    CallbackRules,
    CampaignRules,
    Outside,
    OverflowTarget,
    QueueRules,
    Ring,
    Rules,
    Staffed,
    ToClosing,
    ToQueue,
)

START_AT: Micros = 1_767_225_600 * SECOND
_DAY_US = 300 * SECOND
"Days are short here, so that many end."
MIDNIGHTS = tuple(START_AT + number * _DAY_US for number in range(-1, 400))
CAMPAIGNS = tuple(CampaignName(name) for name in ("red", "blue", "green", "alarm"))
_LINES = (2, 3, 2, 1)
"Queues of each campaign, when all are there."
QUEUES = tuple(
    QueueName(f"{campaign}/{number}")
    for campaign, lines in zip(CAMPAIGNS, _LINES, strict=True)
    for number in range(lines)
)
_NEEDS = tuple(
    Need.parse(text)
    for text in (
        "",
        "de",
        "de >= 60",
        "de >= 60 and orders",
        "de >= 30 and (orders or care)",
        "orders >= 50 or tech >= 50",
        "tech and not trainee",
        "fr and de",
        "fr >= 70",
        "care > 20 and care != 50",
        "not trainee >= 40",
        "$language >= 20",
        "orders or $language",
        "$language >= 30 and not tech < 50",
        '$vip = "yes" or trainee',
        '$vip != "yes" and care or $language > 30',
        '$caller.number ^= "+4930" and ($language or de)',
        'not $language >= 60 and $caller.known != "no"',
    )
)
_SKILLS = ("de", "fr", "orders", "tech", "care", "trainee")
_RARE = ("it", "pl", "nl", "sv", "cs", "da", "fi", "tr")
"Known of nobody for a while, though callers name them."
_TRUNK = "carrier"
NUMBERS = ("+4930555999", "+4930555998", "+33140205000", "anonymous")
OWN = "+49307"


def some_us(dice: Random, least_s: float, most_s: float) -> Micros:
    """To the microsecond, so that no two things are due at the same instant by accident."""
    return dice.randrange(int(least_s * SECOND), int(most_s * SECOND))


def rules(dice: Random, number: int) -> Rules:
    campaigns = [name for name in CAMPAIGNS if dice.random() < 0.8] or [CAMPAIGNS[0]]
    names = [name for name in QUEUES if campaign_of(name) in campaigns]
    # a campaign keeps its first queue, where its callers begin; three queues there are at least
    kept = [name for name in names if name.endswith("/0") or len(names) <= 3 or dice.random() < 0.8]
    return Rules(
        config_hash=str(number),
        campaigns={
            name: CampaignRules(
                name=name,
                client=name,
                dnis=(dialled(name),),
                entry=QueueName(f"{name}/0"),
                emergency=name == "alarm",
                max_call_us=10**12,
            )
            for name in campaigns
        },
        queues={name: _queue(dice, name) for name in kept},
        reject_hold_us=some_us(dice, 5, 40),
        fault_hold_us=some_us(dice, 2, 10),
        rescind_grace_us=some_us(dice, 2, 6),
        connect_grace_us=some_us(dice, 8, 20),
        outside=Outside(trunk=_TRUNK),
    )


def campaign_of(queue: str) -> CampaignName:
    return CampaignName(queue.partition("/")[0])


def dialled(campaign: str) -> str:
    return f"+493055510{CAMPAIGNS.index(CampaignName(campaign))}"


def _queue(dice: Random, name: QueueName) -> QueueRules:
    targets: list[OverflowTarget] = [ToQueue(queue=target) for target in dice.sample(QUEUES, dice.randrange(4))]
    if dice.random() < 0.5:
        targets.append(ToClosing())
    return QueueRules(
        name=name,
        campaign=campaign_of(name),
        need=dice.choice(_NEEDS),
        priority=dice.choice((0, 0, 0, 1, 3, -1)),
        priority_point_us=some_us(dice, 1, 30),
        ring_us=some_us(dice, 6, 16),
        wrapup_us=dice.choice((0, some_us(dice, 1, 12))),
        max_wait_us=some_us(dice, 20, 150),
        overflow=tuple(targets),
        rings=tuple(
            Ring(after_us=after_us, need=dice.choice(_NEEDS))
            for after_us in sorted(some_us(dice, 1, 40) for _ in range(dice.choice((0, 0, 1, 2, 3))))
        ),
        never_relax=dice.random() < 0.1,
        choose=dice.choice(list(Choice)),
        at_once=dice.choice((1, 1, 1, 2, 3)),
        strict=dice.random() < 0.15,
        max_waiting=dice.choice((0, 0, dice.randrange(2, 10))),
        join_if=_staffed(dice),
        stay_if=_staffed(dice),
        exit_keys=dice.choice(("", "1")),
        callback=_callback(dice) if dice.random() < 0.7 else None,
    )


def _callback(dice: Random) -> CallbackRules:
    return CallbackRules(
        key="5",
        trunk=_TRUNK,
        caller_id=dialled(CAMPAIGNS[0]),
        tries=dice.choice((1, 1, 2, 3)),
        ring_us=some_us(dice, 8, 25),
        retry_after_us=some_us(dice, 3, 40),
        expires_us=some_us(dice, 30, 150),
        most=0,
    )


def _staffed(dice: Random) -> tuple[Staffed, ...]:
    asked = dice.choice([(), (), (), (Staffed.SKILLED,), (Staffed.ENTITLED,), (Staffed.LOGGED_IN,), (Staffed.READY,)])
    return (*asked, Staffed.REACHABLE) if asked and dice.random() < 0.2 else asked


def own_number(dice: Random) -> str:
    """Nobody else calls from it: whoever asks to be called back is not taken for somebody else."""
    return f"{OWN}{dice.randrange(10**7):07}"


def data(dice: Random) -> dict[str, str]:
    """What a caller brings along."""
    found = {}
    if dice.random() < 0.7:
        found["language"] = dice.choice(("de", "DE", "fr", "tech", *_RARE, "nonsense"))
    if dice.random() < 0.4:
        found["vip"] = dice.choice(("yes", "no"))
    return found


def profile(dice: Random, agent_id: AgentId) -> AgentProfile:
    posts = {}
    for name in QUEUES:
        if dice.random() < 0.12:
            posts[name] = Post(
                priority=dice.choice((0, 1, 2)),
                delay_us=dice.choice((0, some_us(dice, 1, 30))),
                position=dice.randrange(3),
            )
    return AgentProfile(
        agent_id=agent_id,
        endpoint=agent_id,
        skills={
            skill: dice.randrange(1, 11) * 10
            for skill in (*_SKILLS, *_RARE)
            if dice.random() < (0.5 if skill in _SKILLS else 0.01)
        },
        posts=posts,
        daily_cap=dice.choice((0, 0, dice.randrange(1, 4))),
    )


def entitlement(dice: Random, now: Micros) -> Entitlement:
    if dice.random() < 0.4:
        return ENTITLED_ALWAYS
    intervals = []
    from_at = now - some_us(dice, 0, 20)
    for _ in range(dice.randrange(4)):
        from_at += some_us(dice, 0.1, 40)
        to_at = from_at + some_us(dice, 1, 90)
        some = frozenset(dice.sample(CAMPAIGNS, dice.randrange(4)))
        intervals.append(Interval(from_at=from_at, to_at=to_at, campaigns=some))
        from_at = to_at
    return Entitlement(intervals=tuple(intervals))
