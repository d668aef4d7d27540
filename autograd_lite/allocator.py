"""Memory that is freed, kept for the next array: a setting for a process that trains.

Arrays of a megabyte or more come from the operating system and go back to it when they are
freed. The next one is handed out page by page, each cleared first, which for large arrays takes
as long as the arithmetic. glibc, the C library of most Linux systems, can be told to keep what
was freed. Memory that is kept is memory that other processes lack: so nothing is set by an
import, and what a program wants is one call at its beginning.

The parameters are those of mallopt(3): M_TRIM_THRESHOLD, from how much free memory on some is
given back, and M_MMAP_MAX, how many arrays may have a mapping of their own.
"""

from __future__ import annotations

import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER, _DEFAULT_TRIM, _DEFAULT_MMAPS = -1, 128 * 1024, 65536


def keep_freed_memory(keep: bool = True) -> bool:
    """Let this process keep the memory of freed arrays for those to come.

    Where the C library is not glibc nothing happens.

    Parameters
    ----------
    keep
        False for glibc's defaults: what is free at the top of the heap is given back.

    Returns
    -------
    bool
        Whether it was set.

    Examples
    --------
    >>> set_here = keep_freed_memory()
    >>> keep_freed_memory(False) is set_here
    True
    """
    if sys.platform != "linux":
        return False
    import ctypes  # which not every program needs

    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    trim, mmaps = (_NEVER, 0) if keep else (_DEFAULT_TRIM, _DEFAULT_MMAPS)
    done = [library.mallopt(_M_TRIM_THRESHOLD, trim), library.mallopt(_M_MMAP_MAX, mmaps)]
    if not keep:
        library.malloc_trim(0)
    return all(done)
