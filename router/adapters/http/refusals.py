"""Errors → answers: `{"error_id","message","details"}` and the status that goes with the id."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from router.adapters.http.answers import answer
from router.domain.errors import CommandRefused, ConfigError, Overloaded, RemoteError, RouterError

RETRY_AFTER_S = "1"
_log = logging.getLogger("router.http")
_STATUSES = {"control-socket-only": 403, "host-refused": 403, "body-late": 408}
_PLAIN = {
    400: ("request-invalid", "The request cannot be understood."),
    404: ("path-unknown", "There is nothing at this path."),
    405: ("method-unknown", "This path does not know this method."),
    413: ("request-too-large", "The request is too large."),
}


def status_of(error: RouterError) -> int:
    """The HTTP status of an error, by its class and, where the asker can mend it, by its id."""
    match error:
        case ConfigError():
            return 422
        case Overloaded():
            return 503
        case RemoteError():
            return 503 if error.retryable else 502
        case CommandRefused():
            words = error.error_id.split("-")
            if "unknown" in words:
                return 404
            if "invalid" in words:
                return 422
            return _STATUSES.get(error.error_id, 409)
        case _:
            return 500


def refused(error: RouterError) -> web.Response:
    """An error as the asker gets it."""
    details: dict[str, object] = dict(error.details)
    if isinstance(error, ConfigError):
        details["faults"] = [
            {"file": fault.file, "key": fault.key, "value": fault.value, "expected": fault.expected}
            for fault in error.faults
        ]
    status = status_of(error)
    return answer(
        {"error_id": error.error_id, "message": error.message, "details": details},
        status=status,
        headers={"Retry-After": RETRY_AFTER_S} if status == 503 else None,
    )


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The edge: no failure of a handler leaves it as anything but an answer in our form."""
    try:
        return await handler(request)
    except RouterError as error:
        return refused(error)
    except TimeoutError:
        return refused(RemoteError("deadline-passed", "The router did not answer this in time.", retryable=True))
    except web.HTTPException as error:
        error_id, message = _PLAIN.get(error.status, ("request-refused", error.reason))
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return answer({"error_id": error_id, "message": message, "details": {}}, status=error.status, headers=headers)
    except Exception:  # noqa: BLE001 - the process edge: a fault of one question must not end the router
        _log.exception("a question over HTTP failed")
        return answer(
            {"error_id": "internal", "message": "A fault of the router; its log tells more.", "details": {}},
            status=500,
        )
