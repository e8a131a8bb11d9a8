# SPDX-License-Identifier: MIT
"""A live screen without a terminal, driven by keys, and what is seen on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fake_player import FakePlayer
from textual.pilot import Pilot

from fxtrain.live.screen import LiveScreen
from fxtrain.live.screen_band import Band

Drive = Callable[[LiveScreen, Pilot[None]], Awaitable[None]]


def drive(player: FakePlayer, steps: Drive, *, size: tuple[int, int] = (100, 30)) -> LiveScreen:
    """Shows the player without a terminal, takes the steps, and ends."""

    async def run() -> LiveScreen:
        screen = LiveScreen(player, seconds=None)
        async with screen.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(screen, pilot)
        return screen

    return asyncio.run(run())


async def settle(screen: LiveScreen, pilot: Pilot[None]) -> None:
    """Shows what the player tells now."""
    screen.refresh_bands()
    await pilot.pause()
    await pilot.pause()


def seen(screen: LiveScreen) -> list[Band]:
    """The bands that are seen, from top to bottom."""
    bands = [band for band in screen.query(Band) if band.display and band.size.height]
    return sorted(bands, key=lambda band: band.region.y)


def texts(screen: LiveScreen) -> list[str]:
    """All rows, without those that are empty."""
    rows = [band.render_line(y).text.rstrip() for band in seen(screen) for y in range(band.size.height)]
    return [row for row in rows if row]


def row_of(screen: LiveScreen, band: str, y: int = 0) -> str:
    return screen.query_one(f"#{band}", Band).render_line(y).text


def holds(screen: LiveScreen, large: tuple[str, ...]) -> bool:
    """Whether the rows hold this large text somewhere."""
    rows = texts(screen)
    for y in range(len(rows) - len(large) + 1):
        start = rows[y].find(large[0].rstrip())
        while start >= 0:
            if all(rows[y + n][start:].startswith(line.rstrip()) for n, line in enumerate(large)):
                return True
            start = rows[y].find(large[0].rstrip(), start + 1)
    return False
