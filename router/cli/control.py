"""The running router as the command line reaches it: HTTP over its unix control socket, or over loopback for reading.

Who may open the socket may command (mode 0660). Every call has a deadline and a bound on what it reads; whatever
answers is taken for a stranger until its answer has the shape of ours.
"""

import http.client
import json
import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from router.domain.errors import CommandRefused, ConfigError, Fault, RemoteError, RouterError

if TYPE_CHECKING:
    from router.config.settings import Http

ANSWER_S = 10.0
MAX_BYTES = 64 << 20


class _UnixConnection(http.client.HTTPConnection):
    """HTTP/1.1 over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            door.settimeout(self.timeout)
            door.connect(self._path)
        except BaseException:
            door.close()
            raise
        self.sock = door


class Control:
    """One router, by its settings. Raises `RemoteError` `router-missing` or `router-silent`, or what it answered."""

    def __init__(self, settings: "Http") -> None:
        self._socket = settings.control_socket
        self._address = settings.address

    def get(self, *path: str, **query: str) -> dict[str, Any]:
        """Read something. Who may not open the socket reads over loopback HTTP instead."""
        target = _target(path) + (f"?{urlencode(query)}" if query else "")
        try:
            return self._ask(_UnixConnection(self._socket, ANSWER_S), "GET", target, None)
        except (PermissionError, FileNotFoundError, ConnectionRefusedError):
            pass
        except OSError as error:
            raise self._trouble(error) from None
        host, port = self._address
        try:
            return self._ask(http.client.HTTPConnection(host, port, timeout=ANSWER_S), "GET", target, None)
        except OSError as error:
            raise self._trouble(error) from None

    def items(self, *path: str) -> list[dict[str, Any]]:
        """A whole list, page after page."""
        found: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        while True:
            page = self.get(*path, **query)
            items = page.get("items")
            if not isinstance(items, list):
                raise self._foreign()
            found += [item for item in items if isinstance(item, dict)]
            following = page.get("next")
            if not isinstance(following, str) or not items:
                return found
            query = {"after": following}

    def post(self, *path: str, body: dict[str, Any] | None = None, deadline_s: float = ANSWER_S) -> dict[str, Any]:
        """Command something. Raises `CommandRefused` or `ConfigError` when the router refuses."""
        try:
            return self._ask(_UnixConnection(self._socket, deadline_s), "POST", _target(path), body or {})
        except PermissionError:
            raise CommandRefused(
                "control-forbidden",
                f"{self._socket} may not be opened by this user: use sudo, or join the group it belongs to.",
            ) from None
        except OSError as error:
            raise self._trouble(error) from None

    @property
    def present(self) -> bool:
        """Whether a router listens on the socket at all."""
        try:
            connection = _UnixConnection(self._socket, 1.0)
            connection.connect()
            connection.close()
        except PermissionError:
            return True
        except OSError:
            return False
        return True

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        try:
            headers = {"Accept": "application/json"}
            data = None
            if body is not None:
                data = json.dumps(body).encode()
                headers["Content-Type"] = "application/json"
            connection.request(method, target, data, headers)
            response = connection.getresponse()
            raw = response.read(MAX_BYTES + 1)
        except http.client.HTTPException:
            raise self._foreign() from None
        finally:
            connection.close()
        if len(raw) > MAX_BYTES:
            raise self._foreign()
        try:
            answer = json.loads(raw) if raw.strip() else {}
        except (ValueError, RecursionError):
            raise self._foreign() from None
        if not isinstance(answer, dict):
            raise self._foreign()
        if response.status >= 400:
            raise _error(response.status, answer)
        return answer

    def _trouble(self, error: OSError) -> RemoteError:
        if isinstance(error, TimeoutError):
            return RemoteError(
                "router-silent",
                f"The router behind {self._socket} does not answer in time. Look at its log; `ringfair doctor` "
                "checks its neighbours.",
                retryable=True,
            )
        host, port = self._address
        return RemoteError(
            "router-missing",
            f"No router runs here: nothing answers at {self._socket} or {host}:{port} "
            f"({os.strerror(error.errno) if error.errno else type(error).__name__}). Start it with `ringfair serve`; "
            "one that runs stays at the addresses of its start until it is restarted.",
        )

    def _foreign(self) -> RemoteError:
        return RemoteError(
            "router-foreign",
            f"What answers at {self._socket} is no Ringfair of this version. Correct [http] in ringfair.toml, or "
            "restart the router after an upgrade.",
        )


def _target(path: tuple[str, ...]) -> str:
    """`/v1/…` with every part quoted: an id with a slash stays one part."""
    return "/v1/" + "/".join(quote(part, safe="") for part in path)


def _error(status: int, answer: dict[str, Any]) -> RouterError:
    error_id = str(answer.get("error_id", f"http-{status}"))[:80]
    message = str(answer.get("message", f"The router answered with HTTP {status}."))[:4000]
    details = answer.get("details")
    details = details if isinstance(details, dict) else {}
    if error_id == "config-invalid" and isinstance(details.get("faults"), list):
        faults = [fault for fault in details["faults"] if isinstance(fault, dict)]
        return ConfigError(
            [Fault(*(str(fault.get(key, "")) for key in ("file", "key", "value", "expected"))) for fault in faults]
        )
    safe = {str(key): value for key, value in details.items() if key not in ("error_id", "message", "retryable")}
    if status < 500:
        return CommandRefused(error_id, message, **safe)
    if status == 500:
        return RouterError("router-fault", message, **safe)
    return RemoteError(error_id, message, **safe)
