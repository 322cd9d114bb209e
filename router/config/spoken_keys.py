"""Prompts of ours that name a key, held against what the key does: nobody is told to press one in vain.

Rule 1: our prompts carry the key in their names (asterisk/prompts.toml): `acd/callback-offer-2` is spoken as "to be
called back, press 2". What a prompt of the site's own says nobody can know here.
"""

import re
from collections.abc import Iterator

from router.domain.rulebook.rules import QueueRules, ToVoicemail

_SPOKEN = re.compile(r"acd/(leave|callback-offer|message-offer)-([0-9]|star|hash)")
_SIGNS = {"star": "*", "hash": "#"}


def keys_told_of(queue: QueueRules) -> Iterator[tuple[str, str, str]]:
    """Prompt, what it offers, and by which key."""
    for prompt in (queue.treatment.welcome, queue.treatment.keys, *queue.treatment.comfort):
        if spoken := _SPOKEN.fullmatch(prompt):
            yield prompt, spoken[1], _SIGNS.get(spoken[2], spoken[2])


def wrong_keys(queue: QueueRules) -> Iterator[str]:
    """A sentence for each prompt whose key does something else, or nothing."""
    back = "" if queue.callback is None else queue.callback.key
    message = "".join(key for key, target in queue.keys if isinstance(target, ToVoicemail))
    message += queue.exit_keys if ToVoicemail() in queue.overflow else ""
    does = {
        "leave": (queue.exit_keys + "".join(key for key, _ in queue.keys) + back, "exit_keys"),
        "callback-offer": (back, "key of its [callback]"),
        "message-offer": (message, 'keys, with the target "voicemail"'),
    }
    for prompt, offer, key in keys_told_of(queue):
        keys, where = does[offer]
        if key not in keys:
            yield (
                f"queue {queue.name}: {prompt!r} tells callers of key {key}, which does not do that there; say it at "
                f"{where}, or take the prompt of {'another key' if not keys else 'key ' + ' or '.join(keys)}"
            )
