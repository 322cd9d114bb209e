"""A site's directory → one frozen `Site`, or every fault of all its files at once.

    DIR/ringfair.toml      settings
    DIR/campaigns/*.toml   one campaign a file
    the shifts CSV and the secrets' files, where ringfair.toml says; relative paths begin in DIR

Nothing is changed by reading, so `load` again is how rules are reloaded: it raises and the old site stays in force.
"""

import re
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import BaseModel, ValidationError

from router.config.addresses import is_loopback, socket_path, with_password
from router.config.callback import call_times
from router.config.campaign import CampaignFile
from router.config.conduct import check_pauses
from router.config.faults import MISSING, SENTENCES, SLUG, Faults
from router.config.hours import HoursTable
from router.config.rulebook import compile_rules, is_time_zone, where
from router.config.secret import Secrets, read_secrets
from router.config.settings import Settings
from router.config.sharing import groups
from router.config.shifts import read_shifts
from router.domain.errors import InvariantBroken
from router.domain.ids import AgentId, CampaignName, QueueName
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, Entitlement
from router.domain.rulebook.rules import Rules

DEFAULT_DIRECTORY = Path("/etc/ringfair")
DEFAULT_SPOOL = Path("/var/lib/ringfair/spool")
SETTINGS_FILE = "ringfair.toml"
MAX_BYTES = 1 << 20
MAX_CAMPAIGNS = 1000

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything the files of a site say. Paths in `settings` are absolute."""

    directory: Path
    settings: Settings
    secrets: Secrets
    rules: Rules
    shifts: Mapping[AgentId, Entitlement] | None
    "None when the site keeps no shifts."
    warnings: tuple[str, ...]
    "Legal, but worth a look."
    hours: Mapping[CampaignName, tuple[HoursTable, ZoneInfo]] = field(default_factory=dict)
    "Of the campaigns that are not always open."
    call_times: Mapping[QueueName, tuple[HoursTable, ZoneInfo]] = field(default_factory=dict)
    "When callers may be called back, of every queue: a call may be owed where nobody can ask for one any more."

    @property
    def ledger_dsn(self) -> str:
        """The database's address with its password: not for logs and screens."""
        dsn, password = self.settings.ledger.dsn, self.secrets.ledger
        return dsn if password is None else with_password(dsn, password)

    @property
    def spool(self) -> Path:
        """Where facts wait for the database."""
        ledger = self.settings.ledger
        if ledger.spool_dir is not None:
            return Path(ledger.spool_dir)
        if ledger.dsn.startswith("sqlite:///"):
            return Path(ledger.dsn.removeprefix("sqlite:///")).parent / "spool"
        return DEFAULT_SPOOL

    def entitlement(self, agent: AgentId) -> Entitlement:
        """When this agent may be offered contacts; an agent missing in the shifts never may."""
        if self.shifts is None:
            return ENTITLED_ALWAYS
        return self.shifts.get(agent, Entitlement())


def find_directory(given: Path | None, environ: Mapping[str, str], *, demo: bool = True) -> Path:
    """`--config DIR`, else `RINGFAIR_CONFIG`, else /etc/ringfair; where that is missing, what `make demo` left.

    `demo=False` leaves the last step out: nobody means to serve callers from there.
    """
    if given is not None:
        return given
    if environ.get("RINGFAIR_CONFIG"):
        return Path(environ["RINGFAIR_CONFIG"])
    left = demo_directory(environ)
    if demo and left is not None and not DEFAULT_DIRECTORY.exists() and (left / SETTINGS_FILE).is_file():
        return left
    return DEFAULT_DIRECTORY


def demo_directory(environ: Mapping[str, str]) -> Path | None:
    """Where `make demo` writes its site: `$XDG_CACHE_HOME/ringfair/demo`, in ~/.cache by default; None without a home.

    A relative XDG_CACHE_HOME does not count (XDG Base Directory Specification).
    """
    cache, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    if not cache.startswith("/"):
        cache = f"{home}/.cache" if home.startswith("/") else ""
    return Path(cache) / "ringfair" / "demo" if cache else None


def load(directory: Path, environ: Mapping[str, str]) -> Site:
    """Read a site. Raises `ConfigError` with every fault; `environ` may hold secrets (`RINGFAIR_…`)."""
    directory = directory.absolute()
    faults = Faults()
    settings = read_file(directory / SETTINGS_FILE, SETTINGS_FILE, Settings, faults)
    campaigns, broken = read_campaigns(directory / "campaigns", faults)
    if settings is None:
        # The campaigns are still checked against each other, so that one run tells everything.
        stand_in = Settings.model_validate({"asterisk": {"systemname": "unknown"}})
        compile_rules(stand_in, campaigns, broken, faults)
        faults.settle()
        raise InvariantBroken("config-without-fault", "the settings could not be read, and nobody said why")
    settings = _absolute(settings, directory)
    _check_settings(settings, faults)
    secrets = read_secrets(settings, SETTINGS_FILE, environ, faults)
    if secrets.ledger is not None:
        try:
            with_password(settings.ledger.dsn, secrets.ledger)
        except ValueError as error:
            faults.add(SETTINGS_FILE, "ledger.dsn", settings.ledger.dsn, str(error))
    rules = compile_rules(settings, campaigns, broken, faults)
    shifts = None
    if settings.shifts.file is not None:
        path = Path(settings.shifts.file)
        shifts = read_shifts(path, path.name, settings.shifts.time_zone, campaigns, broken, faults)
    faults.settle()
    return Site(
        directory=directory,
        settings=settings,
        secrets=secrets,
        rules=rules,
        shifts=shifts,
        warnings=_warnings(settings, rules),
        hours={
            CampaignName(name): (file.hours, ZoneInfo(file.campaign.time_zone))
            for name, file in campaigns.items()
            if file.hours is not None
        },
        call_times={
            QueueName(f"{name}/{short}"): (call_times(table.callback), ZoneInfo(file.campaign.time_zone))
            for name, file in campaigns.items()
            for short, table in file.queue.items()
        },
    )


def read_campaigns(directory: Path, faults: Faults) -> tuple[dict[str, CampaignFile], set[str]]:
    """Files by name in the order of their names, and the names of those that could not be read."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".toml" and path.name[0] != ".")
    except OSError as error:
        faults.add("campaigns", "(directory)", MISSING, f"a directory with a file for each campaign ({error.strerror})")
        return {}, set()
    if not paths:
        faults.add("campaigns", "(directory)", "(empty)", "at least one campaign, campaigns/NAME.toml")
    if len(paths) > MAX_CAMPAIGNS:
        faults.add("campaigns", "(directory)", f"{len(paths)} files", f"{MAX_CAMPAIGNS} campaigns at most")
        return {}, set()
    files: dict[str, CampaignFile] = {}
    broken: set[str] = set()
    for path in paths:
        if not re.fullmatch(SLUG, path.stem):
            faults.add(where(path.stem), "(file name)", path.name, f"NAME.toml, NAME of {SENTENCES[SLUG]}")
            continue
        file = read_file(path, where(path.stem), CampaignFile, faults)
        if file is None:
            broken.add(path.stem)
        else:
            files[path.stem] = file
    return files, broken


def read_file(path: Path, file: str, model: type[Model], faults: Faults) -> Model | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            faults.add(file, "(file)", f"{path.stat().st_size} bytes", f"{MAX_BYTES} bytes at most")
            return None
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        faults.add(file, "(file)", str(path), f"a readable file ({error.strerror})")
    except UnicodeDecodeError as error:
        faults.add(file, "(file)", f"byte {error.start}", "UTF-8")
    except RecursionError:
        faults.add(file, "(file)", "(nested too deeply)", "TOML")
    except ValueError as error:  # TOMLDecodeError, and int() of thousands of digits
        # The line itself is not shown: it may hold a secret.
        place = re.search(r"\(at (.+)\)$", str(error))
        key = place[1] if place else "(file)"
        faults.add(file, key, "(not TOML)", f"TOML 1.0: {re.sub(r' [(]at .+[)]$', '', str(error))}")
    else:
        try:
            return model.model_validate(content)
        except ValidationError as error:
            faults.add_validation(file, model, error)
    return None


def _absolute(settings: Settings, directory: Path) -> Settings:
    def absolute(path: str | None) -> str | None:
        return None if path is None else str(directory / path)

    ledger, redis, telemetry = settings.ledger, settings.redis, settings.telemetry
    dsn = ledger.dsn
    if dsn.startswith("sqlite:///"):
        dsn = f"sqlite:///{directory / dsn.removeprefix('sqlite:///')}"
    return settings.model_copy(
        update={
            "asterisk": settings.asterisk.model_copy(
                update={
                    "secret_file": absolute(settings.asterisk.secret_file),
                    "tls_ca_file": absolute(settings.asterisk.tls_ca_file),
                }
            ),
            "telemetry": telemetry.model_copy(update={"secret_file": absolute(telemetry.secret_file)}),
            "redis": redis.model_copy(
                update={
                    "password_file": absolute(redis.password_file),
                    "sentinel_password_file": absolute(redis.sentinel_password_file),
                }
            ),
            "ledger": ledger.model_copy(
                update={
                    "dsn": dsn,
                    "password_file": absolute(ledger.password_file),
                    "spool_dir": absolute(ledger.spool_dir),
                }
            ),
            "queue_log": settings.queue_log.model_copy(update={"file": absolute(settings.queue_log.file)}),
            "http": settings.http.model_copy(update={"control_socket": absolute(settings.http.control_socket)}),
            "shifts": settings.shifts.model_copy(update={"file": absolute(settings.shifts.file)}),
        }
    )


def _check_settings(settings: Settings, faults: Faults) -> None:
    """What one key cannot say of itself."""
    if settings.router.country not in phonenumbers.SUPPORTED_REGIONS:
        faults.add(SETTINGS_FILE, "router.country", settings.router.country, 'a country (ISO 3166-1), e.g. "DE"')
    if not is_time_zone(settings.router.time_zone):
        faults.add(SETTINGS_FILE, "router.time_zone", settings.router.time_zone, 'an IANA name, "Europe/Berlin"')
    if not is_time_zone(settings.shifts.time_zone):
        faults.add(SETTINGS_FILE, "shifts.time_zone", settings.shifts.time_zone, 'an IANA name, "Europe/Berlin"')
    ca_file = settings.asterisk.tls_ca_file
    if ca_file is not None and not settings.asterisk.tls:
        faults.add(SETTINGS_FILE, "asterisk.tls_ca_file", ca_file, "tls = true beside it")
    elif ca_file is not None:
        try:
            ssl.create_default_context(cafile=ca_file)
        except OSError as error:  # not there, not readable, and SSLError: not certificates
            why = error.strerror or "nothing usable in it"
            faults.add(SETTINGS_FILE, "asterisk.tls_ca_file", ca_file, f"a file with certificates in PEM ({why})")
    try:
        socket_path(settings.http.control_socket)
    except ValueError as error:
        faults.add(SETTINGS_FILE, "http.control_socket", settings.http.control_socket, str(error))
    telemetry = settings.telemetry
    if telemetry.user == settings.asterisk.user:
        expected = "another AMI user than asterisk.user: calls would share its event filters with RTCP reports"
        faults.add(SETTINGS_FILE, "telemetry.user", telemetry.user, expected)
    check_pauses(settings, SETTINGS_FILE, faults)


def _warnings(settings: Settings, rules: Rules) -> tuple[str, ...]:
    found = [
        f"campaigns {', '.join(group.campaigns)} merge into one pool: {'; '.join(group.because)}"
        for group in groups(rules)
        if len(group.campaigns) > 1
    ]
    if not settings.asterisk.tls and not is_loopback(settings.asterisk.host):
        found.append(
            f"the AMI secret crosses the network to {settings.asterisk.host} in the clear: use tls or a tunnel"
        )
    urgent = [campaign.name for campaign in rules.campaigns.values() if campaign.emergency]
    if urgent and rules.capacity.max_calls and not rules.capacity.reserved_calls:
        found.append(f"emergency campaigns ({', '.join(urgent)}) have no places kept free: set asterisk.reserved_calls")
    reached = {target for queue in rules.queues.values() for target in queue.overflow}
    for campaign in rules.campaigns.values():
        entered = any(getattr(target, "queue", None) == campaign.entry for target in reached)
        if not campaign.dnis and not entered:
            found.append(f"campaign {campaign.name} has no number and no overflow leads to it: nobody gets there")
    return tuple(found)
