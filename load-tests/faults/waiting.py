"""Waiting for a condition, which is checked again and again until a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

POLL_SECONDS = 0.03
Answer = TypeVar("Answer")


def wait_for(ask: Callable[[], Answer | None], seconds: float, what: str) -> Answer:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:g} seconds")
        time.sleep(POLL_SECONDS)
