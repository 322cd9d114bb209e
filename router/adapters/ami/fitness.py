"""Whether an Asterisk can serve us: looked at after each login, before anything is claimed there."""

from router.adapters.ami import ring_card
from router.adapters.ami.asking import Asking
from router.adapters.ami.parse import whole_number

OLDEST, TOO_NEW = 221001, 230000
"`VERSION(ASTERISK_VERSION_NUM)`: 22.10.1 is the first without the twenty advisories of that release's change log."
ENTRANCES = (
    "acd-wait,s",
    f"acd-agent,{ring_card.ENTRANCE}",
    "acd-after,s",
    "acd-closing,s",
    "acd-leaving,s",
    "acd-fallback,s",
)
"What a contact needs; `ringfair doctor` looks for the rest."


async def why_unfit(asking: Asking, node: str) -> str | None:
    """Why it cannot serve us as that node, in a sentence that says what to do; None when it can."""
    systemname = await asking.get("SYSTEMNAME")
    version = await asking.get("VERSION(ASTERISK_VERSION_NUM)")
    absent = [entrance for entrance in ENTRANCES if await asking.get(f"DIALPLAN_EXISTS({entrance},1)") != "1"]
    if systemname != node:
        return (
            f"Asterisk calls itself {systemname!r}; the configuration says {node!r}. "
            "Set systemname in asterisk.conf and [asterisk] systemname alike."
        )
    if not OLDEST <= (whole_number(version) or 0) < TOO_NEW:
        return f"Asterisk's version number is {version!r}; 22.10.1 or later is needed, and before 23."
    if absent:
        return (
            f"Asterisk's dialplan lacks {' and '.join(absent)}, or is older than this router. Copy "
            "dialplans/extensions.d there, include it and `dialplan reload`."
        )
    return None
