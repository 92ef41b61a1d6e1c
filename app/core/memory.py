"""Memory that was freed but still counts as the process's."""

import ctypes
import gc


def give_back_memory() -> None:
    """Return freed pages to the system where the C library can (glibc); elsewhere do nothing. Some milliseconds.

    Loading the program and compiling a design free far more than they keep, in pieces that glibc holds on to.
    """
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return
