"""How long new rules hold the engine up: `python -m tests.load.reload [AGENTS] [QUEUES] [RINGS]`, else a large site.

Every agent is free and everybody's rows are found anew: what `ringfair reload` costs between two calls. The last line
is `configure … s of processor time`.
"""

import sys
import time
from random import Random

from router.domain.engine import Engine
from router.domain.ids import SECOND, AgentId, CampaignName, QueueName
from router.domain.messages.commands import AgentProfile, Configure, Enrol, LogIn
from router.domain.messages.observations import EndpointSeen
from router.domain.rulebook.need import Need
from router.domain.rulebook.rules import CampaignRules, QueueRules, Ring, Rules

SKILLS, HELD, NOW = 60, 6, 10**15
LANGUAGES = ("de", "en", "fr")


def rules_of(queues: int, rings: int, dice: Random) -> Rules:
    """Ten queues a campaign; no two rings ask the same."""
    made: dict[QueueName, QueueRules] = {}
    for number in range(queues):
        language, skill = LANGUAGES[number % 3], f"s{number % SKILLS}"
        campaign = CampaignName(f"c{number // 10}")
        wider = tuple(
            Ring(
                after_us=(step + 1) * 20 * SECOND,
                need=Need.parse(
                    f"{language} >= {max(0, 80 - 3 * step)} and "
                    f"({skill} >= {max(0, 80 - 3 * step)} or s{dice.randrange(SKILLS)} > {90 - step})"
                ),
            )
            for step in range(rings)
        )
        name = QueueName(f"{campaign}/q{number}")
        need = Need.parse(f"{language} >= 80 and {skill} >= 80")
        made[name] = QueueRules(name=name, campaign=campaign, need=need, rings=wider, max_wait_us=3600 * SECOND)
    entries = {queue.campaign: name for name, queue in reversed(made.items())}
    campaigns = {name: CampaignRules(name=name, client="x", dnis=(), entry=entry) for name, entry in entries.items()}
    return Rules(config_hash="x", campaigns=campaigns, queues=made)


def main(agents: int = 10_000, queues: int = 200, rings: int = 20) -> None:
    dice = Random(1)
    rules = rules_of(queues, rings, dice)
    engine = Engine(rules)
    for number in range(agents):
        name = AgentId(f"agent-{number}")
        skills = {"de": dice.randrange(101)} | {f"s{dice.randrange(SKILLS)}": dice.randrange(101) for _ in range(HELD)}
        engine.handle(Enrol(profile=AgentProfile(agent_id=name, endpoint=name, skills=skills)), NOW)
        engine.handle(EndpointSeen(endpoint=name, reachable=True, at=NOW), NOW)
        engine.handle(LogIn(agent_id=name), NOW)
    engine.drain()
    took: list[float] = []
    for _ in range(3):
        began = time.process_time()
        engine.handle(Configure(rules=rules), NOW)
        engine.drain()
        took.append(time.process_time() - began)
    print(f"{agents} agents x {queues} queues x {rings} rings")
    print(f"configure {min(took):.2f} s of processor time")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
