"""Python's garbage collector, kept from what would only cost time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Reading and compiling make many small objects and no garbage cycles worth a look."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if not gc.get_freeze_count():  # else what somebody froze would thaw
                gc.freeze()  # all that was made joins the oldest generation, without a collection that visits it
                gc.unfreeze()
            gc.enable()
