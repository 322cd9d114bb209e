"""How long a resync that failed waits for its next try."""

_RETRY_S, _LONGEST_RETRY_S = 1.0, 25.0
"What fails is tried again after this long, then twice as long and so on: who is mended is found within half a minute."


def patience_s(failures: int) -> float:
    """After so many failures before this one."""
    return min(_LONGEST_RETRY_S, _RETRY_S * 2.0 ** min(failures, 30))
