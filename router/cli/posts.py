"""How agents stand to queues, as people type it: `shop/orders:priority=2:delay_s=30:position=1`, several with spaces.

What is not named is 0, and a post with nothing out of the ordinary is none: agents stand to every queue like that.
"""

from collections.abc import Mapping
from dataclasses import replace

from router.domain.ids import SECOND
from router.domain.messages.commands import ANY_POST, Post

EXAMPLE = "shop/orders:priority=2:delay_s=30:position=1"


def parse_posts(words: str) -> dict[str, Post]:
    """Raises ValueError with what was expected. What a queue may be called the directory checks itself."""
    found: dict[str, Post] = {}
    for word in words.split():
        queue, *parts = word.split(":")
        if queue in found:
            raise ValueError(f"each queue once; {queue[:80]!r} is there twice")
        if "/" not in queue:
            raise ValueError(f"a queue's full name, such as {EXAMPLE}; not {word[:80]!r}")
        post = ANY_POST
        for part in parts:
            key, sign, number = part.partition("=")
            if key not in ("priority", "delay_s", "position") or not sign:
                raise ValueError(f"posts such as {EXAMPLE}; not {word[:80]!r}")
            post = stands(post, **{key: _number(key, number)})
        found[queue] = post
    return found


def stands(
    post: Post, *, priority: float | None = None, delay_s: float | None = None, position: float | None = None
) -> Post:
    """The post with what is not None changed."""
    if priority is not None:
        post = replace(post, priority=int(priority))
    if delay_s is not None:
        post = replace(post, delay_us=round(delay_s * SECOND))
    return post if position is None else replace(post, position=int(position))


def written(posts: Mapping[str, Post]) -> str:
    """As `parse_posts` reads it."""
    return " ".join(f"{queue}{_parts(post)}" for queue, post in sorted(posts.items()))


def post_json(post: Post) -> dict[str, float]:
    return {"priority": post.priority, "delay_s": post.delay_us / SECOND, "position": post.position}


def _parts(post: Post) -> str:
    numbers = {"priority": post.priority, "delay_s": post.delay_us / SECOND, "position": post.position}
    return "".join(f":{key}={number:.15g}" for key, number in numbers.items() if number)


def _number(key: str, text: str) -> float:
    sign, digits = (text[0], text[1:]) if text[:1] == "-" else ("", text)
    whole, dot, part = digits.partition(".")
    good = whole.isascii() and whole.isdecimal() and len(digits) <= 12 and (not dot or part.isdecimal())
    if not good or not part.isascii() or (dot and key != "delay_s"):
        raise ValueError(f"a number for {key}, such as {EXAMPLE}; not {text[:40]!r}")
    return float(sign + digits)
