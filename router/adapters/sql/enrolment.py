"""What may stand in the directory. Its rows become sections of `pjsip.conf`, dial strings and channel variables, and
they come from CSV files: a line break in a name would be a line of somebody else's configuration.

Pure: also tells what changed between two entries, in words that may be kept for ever (no secret, no person's name).
"""

import re

from router.domain.errors import CommandRefused
from router.domain.ids import SECOND
from router.domain.messages.commands import Post
from router.domain.rulebook.need import PROFICIENCY_MAX, is_skill_name
from router.ports import AgentEntry

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}: ?[^;,\"\\]{0,60}[^\"\\]{0,120}")
_DIGEST = re.compile(r"(?:MD5:[0-9a-fA-F]{32}|SHA-256:[0-9a-fA-F]{64})")
_QUEUE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}")
_REALM = re.compile(r"[^\"\\]{1,80}")
TRANSPORTS = ("udp", "tls")
DISPLAY_MAX = 80
DIAL_MAX = 200
DAILY_CAP_MAX = 10_000
POSTS_MAX = 200
PRIORITY_MAX = 100
POSITION_MAX = 100_000
DELAY_MAX_US = 86_400 * SECOND

Change = tuple[str, str, str]
"Field, old, new."


def check(entry: AgentEntry) -> AgentEntry:
    """The entry itself, or `CommandRefused` `agent-invalid` with the field in `details`."""
    profile = entry.profile
    _want(_NAME.fullmatch(profile.agent_id), entry, "agent_id", "1-64 of letters, digits and . _ @ + -")
    _want(_NAME.fullmatch(profile.endpoint), entry, "endpoint", "1-64 of letters, digits and . _ @ + -")
    _want(_line(profile.display_name, DISPLAY_MAX), entry, "display_name", f"one line, up to {DISPLAY_MAX} characters")
    _want(_line(profile.dial, DIAL_MAX), entry, "dial", f"one line, up to {DIAL_MAX} characters")
    header = not profile.auto_answer or (_line(profile.auto_answer, 200) and _HEADER.fullmatch(profile.auto_answer))
    _want(header, entry, "auto_answer", "empty or one SIP header, `Name: value`")
    _want(entry.transport in TRANSPORTS, entry, "transport", "udp or tls")
    for skill, proficiency in profile.skills.items():
        _want(is_skill_name(skill), entry, "skills", "skill names of small letters, digits, - and _")
        number = isinstance(proficiency, int) and not isinstance(proficiency, bool)
        _want(number and 0 <= proficiency <= PROFICIENCY_MAX, entry, "skills", f"proficiencies 0-{PROFICIENCY_MAX}")
    _want(_whole(profile.daily_cap, 0, DAILY_CAP_MAX), entry, "daily_cap", f"0-{DAILY_CAP_MAX}; 0: no limit")
    _want(len(profile.posts) <= POSTS_MAX, entry, "posts", f"{POSTS_MAX} at most")
    for queue, post in profile.posts.items():
        _want(_QUEUE.fullmatch(queue), entry, "posts", "a queue's full name, such as shop/orders")
        _want(_whole(post.priority, -PRIORITY_MAX, PRIORITY_MAX), entry, "posts", f"a priority up to {PRIORITY_MAX}")
        _want(_whole(post.delay_us, 0, DELAY_MAX_US), entry, "posts", "a delay_s of a day at most")
        _want(_whole(post.position, 0, POSITION_MAX), entry, "posts", f"a position of 0-{POSITION_MAX}")
    if entry.credential is not None:
        realm = entry.credential.realm
        _want(_line(realm, 80) and _REALM.fullmatch(realm), entry, "realm", "1-80 characters without quotes")
        lines = entry.credential.digest.split("\n")
        # Refused in any other form, so that a password can never be stored by mistake.
        _want(all(_DIGEST.fullmatch(line) for line in lines), entry, "digest", "lines of MD5:<hex> or SHA-256:<hex>")
    return entry


def changes(old: AgentEntry | None, new: AgentEntry) -> list[Change]:
    """What `put` does to an entry, field by field. Names and digests only as set, changed or empty."""
    found: list[Change] = []
    before = _facts(old) if old else {}
    after = _facts(new)
    for name in [*after, *(name for name in before if name not in after)]:
        was, is_now = before.get(name, ""), after.get(name, "")
        if was != is_now:
            found.append((name, was, is_now))
    if old is None or old.profile.display_name != new.profile.display_name:
        found += _veiled("display_name", old.profile.display_name if old else "", new.profile.display_name)
    if (old.credential if old else None) != new.credential:
        found += _veiled("credential", old.credential if old else None, new.credential)
    return found


def _facts(entry: AgentEntry) -> dict[str, str]:
    profile = entry.profile
    plain = {
        "active": "yes" if entry.active else "no",
        "endpoint": profile.endpoint,
        "transport": entry.transport,
        "auto_answer": profile.auto_answer,
        "dial": profile.dial,
    }
    if profile.daily_cap:
        plain["daily_cap"] = str(profile.daily_cap)
    plain |= {f"post {queue}": _post(post) for queue, post in sorted(profile.posts.items())}
    return plain | {f"skill {name}": str(level) for name, level in sorted(profile.skills.items())}


def _post(post: Post) -> str:
    return f"priority={post.priority} delay_s={post.delay_us / SECOND:.15g} position={post.position}"


def _whole(number: object, low: int, high: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and low <= number <= high


def _veiled(field: str, old: object, new: object) -> list[Change]:
    if not old and not new:
        return []
    return [(field, "set" if old else "", "changed" if old and new else "set" if new else "")]


def _line(value: str, limit: int) -> bool:
    return len(value) <= limit and value.isprintable()


def _want(good: object, entry: AgentEntry, field: str, expected: str) -> None:
    if not good:
        name = entry.profile.agent_id
        # The id may itself be the hostile part.
        shown = name if _NAME.fullmatch(name) else "(unreadable id)"
        raise CommandRefused(
            "agent-invalid", f"{shown}: {field} must be {expected}", agent_id=shown, field=field, expected=expected
        )
