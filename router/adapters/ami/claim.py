"""Our claim to a pool at one Asterisk: a global with an epoch, set before the first effect and told to every router.

Rule 1: a higher epoch than ours means somebody else owns the pool; of two that claimed the same one at the same moment,
the higher nonce does. Who is beaten says so and claims nothing any more.
Rule 2: our lease has an epoch. One found here that is not lower was given by a Redis that has forgotten it since (or by
another one): ours is raised above it.
Rule 3: an epoch is never written twice: an owner who came after us must not be overwritten by our return.
"""

from router.adapters.ami import actions
from router.adapters.ami.asking import Asking
from router.adapters.ami.parse import whole_number
from router.domain.errors import RemoteError
from router.domain.messages.observations import OwnerSeen
from router.ports import Tenure


class Claim:
    def __init__(self, pool: str, tenure: Tenure, asking: Asking) -> None:
        self.epoch = 0
        "Ours once claimed; 0 before."
        self.stands = False
        "Whether the pool is ours on this connection."
        self._pool = pool
        self._global = f"ACD_EPOCH_{pool}"
        self._tenure = tenure
        self._asking = asking
        self._rival = (0, "")
        "The highest claim of another router heard on this connection, as (epoch, nonce)."

    def forget(self) -> None:
        """There is a new connection."""
        self.stands, self._rival = False, (0, "")

    def hear(self, seen: OwnerSeen) -> bool:
        """Note a rival's claim; whether it is a match for ours."""
        self._rival = max(self._rival, (seen.epoch, seen.router))
        return self._rival > (self.epoch, self._tenure.owner)

    async def look(self) -> int:
        """The pool's epoch at Asterisk, 0 when it has none."""
        return whole_number(await self._asking.get(self._global)) or 0

    async def make(self) -> OwnerSeen | None:
        """Own the pool, or find who does. Raises `RemoteError`: not known yet.

        Who else is claiming read the epoch before we set it, so was logged in, and hears us, as we hear it: exactly one
        of the two gives way, by comparing what both announced.
        """
        seen = await self.look()
        if self.epoch and seen > self.epoch:
            return OwnerSeen(pool=self._pool, epoch=seen)
        epoch = self.epoch or self._tenure.epoch
        if not self.epoch and seen >= epoch:
            epoch = await self._tenure.raise_above(seen)
        if seen != epoch:
            await self._asking.ask(actions.set_global(self._global, str(epoch)))
        await self._asking.ask(actions.owner(self._pool, epoch, self._tenure.owner))
        stands = await self.look()
        if self._rival > (epoch, self._tenure.owner):
            return OwnerSeen(pool=self._pool, epoch=self._rival[0], router=self._rival[1])
        if stands > epoch:
            return OwnerSeen(pool=self._pool, epoch=stands)
        if stands < epoch:
            raise RemoteError("ami-claim", "Asterisk did not keep the epoch we set.", retryable=True)
        self.epoch, self.stands = epoch, True
        return None
