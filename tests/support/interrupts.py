"""An interrupt at every step of a call: where Python looks for signals, which is as a function begins and as one in C ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator


class _Interrupt:
    """Raises KeyboardInterrupt at one of the steps that the thread takes."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.where = ""

    def __call__(self, frame, event, arg):
        if event not in ("call", "c_return"):
            return
        self.left -= 1
        if not self.left:
            sys.setprofile(None)
            self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno} {getattr(arg, '__name__', 'begins')}"
            raise KeyboardInterrupt


def interrupted(
    call: Callable[[], object], *, every: int = 1, first: int = 1
) -> Iterator[tuple[str, KeyboardInterrupt | None]]:
    """`call` again and again, each time interrupted at a later step, until it ends before that.

    Each time, where it was and the interrupt as it came out: as long as the caller has it, so do all frames that it
    came through. None if something swallowed it, as Python does where an object is being thrown away.
    """
    step = first
    while True:
        at = _Interrupt(step)
        came: KeyboardInterrupt | None = None
        try:
            sys.setprofile(at)
            call()
        except KeyboardInterrupt as error:
            came = error
        finally:
            sys.setprofile(None)
        if at.left > 0:
            return
        yield f"step {step}: {at.where}", came
        step += every


def ends(call: Callable[[], object], where: str, *, seconds: float = 60) -> None:
    """Return once the call has come to its end in another thread; fail if it waits for what nobody gives back."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - told to the caller
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"after an interrupt at {where}, the same call of another thread waits for ever"
    assert not errors, f"after an interrupt at {where}, the same call of another thread raises {errors[0]!r}"
