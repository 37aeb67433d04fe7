"""The killing itself: which target at which moment, until the kills are used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random

import psycopg2

from sandbox.chaos import strikes
from sandbox.chaos.findings import Death
from sandbox.chaos.moments import MOMENTS, InHand, in_hand, wait_for
from sandbox.chaos.strikes import Strike
from sandbox.chaos.world import World

ANY_TIME = "any time"
MOMENT_SECONDS = 60.0
# A part that needs long to start must get the chance to, or nothing would ever be done.
SLOW_TO_RETURN = {"scheduler": 40.0, "api-server": 60.0, "triggerer": 30.0, "postgres": 30.0}
_CLOCK = "select extract(epoch from clock_timestamp())::float"


class Campaign:
    """Strikes on one world; `deaths` is the book of them."""

    def __init__(
        self,
        world: World,
        targets: Mapping[str, Strike],
        random: Random,
        *,
        say: Callable[[str], None],
    ) -> None:
        self.deaths: list[Death] = []
        self._world = world
        self._targets = targets
        self._random = random
        self._say = say
        self._last: dict[str, float] = {}
        self._targets_left: list[str] = []
        self._moments_left: list[str] = []

    def run(self, kills: int, *, seconds: float, also: Callable[[], bool] = lambda: True) -> None:
        """Strike so many times, and on until `also` holds.

        Raises:
            TimeoutError: it took longer than that.
        """
        give_up_at = time.monotonic() + seconds
        while len(self.deaths) < kills or not also():
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{len(self.deaths)} of {kills} kills in {seconds:.0f} s")
            self._strike_once()

    def _strike_once(self) -> None:
        target = self._next_target()
        moment = self._next_moment(target)
        found: InHand | None = None
        if moment != ANY_TIME:
            found = wait_for(self._world, moment, self._random, seconds=MOMENT_SECONDS)
            if found is None and target in strikes.OF_THE_BOT:
                self._say(f"no request came to the moment '{moment}' for {target}")
                return
        else:
            time.sleep(self._random.uniform(0, 4))
            found = in_hand(self._world)
        at = self._clock()
        victim = self._targets[target](self._world, self._random)
        if victim is None:
            return
        self._last[target] = time.monotonic()
        number = len(self.deaths) + 1
        self.deaths.append(
            Death(number=number, target=target, moment=moment, victim=victim, at=at, in_hand=found)
        )
        held = f", request {found.request_id} in hand" if found else ""
        self._say(f"{number}: {victim} ({moment}{held})")

    def _clock(self) -> float:
        try:
            return float(self._world.query(_CLOCK)[0][0])
        except psycopg2.Error:
            return time.time()

    def _next_target(self) -> str:
        """Each target as often as the others, in random order; a slow one not too soon again."""
        now = time.monotonic()
        for _ in range(2):
            for target in self._targets_left:
                if now - self._last.get(target, -1e9) >= SLOW_TO_RETURN.get(target, 0.0):
                    self._targets_left.remove(target)
                    return target
            self._targets_left += _shuffled(list(self._targets), self._random)
        return self._targets_left.pop(0)

    def _next_moment(self, target: str) -> str:
        """Each moment as often as the others; what lives without a bot dies at any time, too."""
        if target in SLOW_TO_RETURN and self._random.random() < 0.5:
            return ANY_TIME
        if not self._moments_left:
            self._moments_left = _shuffled(list(MOMENTS), self._random)
        return self._moments_left.pop(0)


def _shuffled(names: Sequence[str], random: Random) -> list[str]:
    return random.sample(names, len(names))
