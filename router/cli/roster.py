"""Agents as people type them, on the command line or in a CSV file, turned into entries of the directory.

    id,name,endpoint,transport,skills,auto_answer,daily_cap,posts
    agent-1001,,agent-1001,udp,de=80 orders=60,,,
    agent-1002,,,tls,de en=40,yes,80,shop/orders:priority=2:delay_s=30

`id` is the only column that must be there. An empty cell keeps what the directory has; for a new agent the endpoint is
the id, the transport udp, no skills, no auto-answer, no limit, no posts. A skill without a number is held at 100.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from router.cli.posts import parse_posts
from router.domain.errors import CommandRefused, ConfigError, Fault
from router.domain.ids import AgentId
from router.domain.messages.commands import ANY_POST, AgentProfile, Post
from router.domain.rulebook.need import PROFICIENCY_MAX, is_skill_name
from router.ports import AgentEntry, Credential

COLUMNS = ("id", "name", "endpoint", "transport", "skills", "auto_answer", "daily_cap", "posts")
MAX_BYTES = 32 << 20
MAX_FAULTS = 100
AUTO_ANSWER = "Call-Info: <sip:127.0.0.1>;answer-after=0"
"Kept in the directory for `yes`; Asterisk is given the headers of every make of phone by `export pjsip`."
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of one agent; None leaves it as it is."""

    agent_id: AgentId
    name: str | None = None
    endpoint: str | None = None
    transport: str | None = None
    skills: Mapping[str, int] | None = None
    auto_answer: bool | None = None
    daily_cap: int | None = None
    posts: Mapping[str, Post] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An entry to be stored, and the password its phone needs from now on, if it needs a new one."""

    entry: AgentEntry
    password: str | None = None
    new: bool = False
    phone_changed: bool = False
    "Asterisk has to be told."


def parse_skills(words: str) -> dict[str, int]:
    """`de=80 orders` → `{"de": 80, "orders": 100}`. Raises ValueError with what was expected."""
    found: dict[str, int] = {}
    for word in words.split():
        name, sign, level = word.partition("=")
        if not is_skill_name(name):
            raise ValueError(f"skills of small letters, digits, - and _, such as de=80; not {word[:40]!r}")
        if sign and not (level.isascii() and level.isdecimal() and len(level) < 4 and int(level) <= PROFICIENCY_MAX):
            raise ValueError(f"a proficiency from 0 to {PROFICIENCY_MAX}, such as {name[:40]}=80; not {word[:40]!r}")
        if name in found:
            raise ValueError(f"each skill once; {name!r} is there twice")
        found[name] = int(level) if sign else PROFICIENCY_MAX
    return found


def draw(asked: Asked, held: AgentEntry | None, realm: str, *, new_password: bool = False) -> Drawn:
    """What the directory should hold. Raises `CommandRefused` for what may not stand there.

    A new agent gets a password, and so does one whose endpoint changed: the digest is made of its name.
    """
    from router.adapters.pbx.endpoints import AgentEndpoint
    from router.adapters.pbx.passwords import make_password, password_digest
    from router.adapters.sql.enrolment import check
    from router.canary import AGENT as CANARY

    if asked.agent_id == CANARY:
        raise CommandRefused("agent-invalid", f"{asked.agent_id} is the router's own agent; choose another id")
    old = held.profile if held else AgentProfile(agent_id=asked.agent_id, endpoint=asked.agent_id)
    profile = replace(
        old,
        endpoint=old.endpoint if asked.endpoint is None else asked.endpoint,
        display_name=old.display_name if asked.name is None else asked.name,
        skills=dict(old.skills if asked.skills is None else asked.skills),
        daily_cap=old.daily_cap if asked.daily_cap is None else asked.daily_cap,
        posts={
            queue: post
            for queue, post in (old.posts if asked.posts is None else asked.posts).items()
            if post != ANY_POST
        },
        auto_answer=old.auto_answer if asked.auto_answer is None else (AUTO_ANSWER if asked.auto_answer else ""),
    )
    transport = asked.transport or (held.transport if held else "udp")
    credential = held.credential if held else None
    entry = check(AgentEntry(profile=profile, credential=credential, transport=transport, active=True))
    moved = credential is not None and profile.endpoint != old.endpoint
    password = make_password() if new_password or moved or held is None or not held.active else None
    if password is not None:
        digest = password_digest(profile.endpoint, realm, password)
        entry = replace(entry, credential=Credential(realm=realm, digest=digest))
        # Asked here, so that what `export pjsip` would refuse never gets into the directory.
        AgentEndpoint(agent_id=profile.agent_id, endpoint=profile.endpoint, realm=realm, digests=(digest,))
    before = (held.transport, bool(old.auto_answer)) if held else None
    return Drawn(
        entry=entry,
        password=password,
        new=held is None or not held.active,
        phone_changed=password is not None or before != (transport, bool(profile.auto_answer)),
    )


def read_roster(path: Path, held: Mapping[AgentId, AgentEntry], realm: str) -> list[Drawn]:
    """Every agent of a CSV file. Raises `ConfigError` with every bad line at once; nothing is stored here."""
    faults: list[Fault] = []
    drawn: list[Drawn] = []
    seen: dict[str, int] = {}
    phones: dict[str, str] = {}
    for number, row in _rows(path):
        if len(faults) >= MAX_FAULTS:
            faults.append(_fault(path, number, "", "(and on)", f"fewer faults: only the first {MAX_FAULTS} are told"))
            break
        agent = row.get("id", "")
        if agent in seen:
            faults.append(_fault(path, number, "id", agent, f"each agent once; line {seen[agent]} has them already"))
            continue
        seen[agent] = number
        try:
            asked = _asked(row)
            one = draw(asked, held.get(asked.agent_id), realm)
        except _Cell as cell:
            faults.append(_fault(path, number, cell.column, cell.value, cell.expected))
            continue
        except CommandRefused as refusal:
            field = str(refusal.details.get("field", "id")).replace("agent_id", "id").replace("display_name", "name")
            expected = str(refusal.details.get("expected", refusal.message))
            faults.append(_fault(path, number, field, row.get(field, ""), expected))
            continue
        owner = phones.setdefault(one.entry.profile.endpoint, agent)
        if owner != agent:
            expected = f"an endpoint of their own; {owner} has this one"
            faults.append(_fault(path, number, "endpoint", one.entry.profile.endpoint, expected))
            continue
        drawn.append(one)
    if faults:
        raise ConfigError(faults)
    return drawn


class _Cell(Exception):
    def __init__(self, column: str, value: str, expected: str) -> None:
        super().__init__(expected)
        self.column, self.value, self.expected = column, value, expected


def _asked(row: Mapping[str, str]) -> Asked:
    skills, answer = row.get("skills") or None, row.get("auto_answer") or None
    if answer is not None and answer.lower() not in _YES:
        raise _Cell("auto_answer", answer, "yes, no or nothing")
    try:
        held = None if skills is None else parse_skills(skills)
    except ValueError as error:
        raise _Cell("skills", skills or "", str(error)) from None
    cap, posts = row.get("daily_cap") or None, row.get("posts") or None
    if cap is not None and not (cap.isascii() and cap.isdecimal() and len(cap) < 6):
        raise _Cell("daily_cap", cap, "a number of contacts, 0 for no limit")
    try:
        stands = None if posts is None else parse_posts(posts)
    except ValueError as error:
        raise _Cell("posts", posts or "", str(error)) from None
    return Asked(
        agent_id=AgentId(row["id"]),
        name=row.get("name") or None,
        endpoint=row.get("endpoint") or None,
        transport=row.get("transport") or None,
        skills=held,
        auto_answer=None if answer is None else _YES[answer.lower()],
        daily_cap=None if cap is None else int(cap),
        posts=stands,
    )


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, cells by column) of every line that says something. Raises `ConfigError`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError([Fault(path.name, "(file)", str(path), f"{MAX_BYTES >> 20} MiB at most")])
        reader = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
    except OSError as error:
        raise ConfigError([Fault(path.name, "(file)", str(path), f"a readable file ({error.strerror})")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Fault(path.name, "(file)", f"byte {error.start}", "UTF-8")]) from None
    header: list[str] | None = None
    found: list[tuple[int, dict[str, str]]] = []
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row) or row[0].startswith("#"):
                continue
            if header is None:
                header = row
                if "id" not in row or len({*row}) != len(row) or not {*row} <= {*COLUMNS}:
                    expected = f"columns among {','.join(COLUMNS)}, each once; id is needed"
                    raise ConfigError([_fault(path, reader.line_num, "", ",".join(row), expected)])
            elif len(row) > len(header):
                expected = f"{len(header)} cells as in the first line"
                raise ConfigError([_fault(path, reader.line_num, "", ",".join(row), expected)])
            else:
                found.append((reader.line_num, dict(zip(header, row, strict=False))))
    except csv.Error as error:
        raise ConfigError([_fault(path, reader.line_num, "", "(not CSV)", f"CSV with commas ({error})")]) from None
    if header is None:
        raise ConfigError([Fault(path.name, "(file)", "(empty)", f"columns {','.join(COLUMNS)} in the first line")])
    return found


def _fault(path: Path, number: int, column: str, value: str, expected: str) -> Fault:
    from router.config.faults import shown

    return Fault(path.name, f"line {number}" + (f", {column}" if column else ""), shown(value), expected)
