"""Files and environment → frozen, validated rules; all faults at once.

`load(find_directory(given, os.environ), os.environ)` gives a `Site`; everything else here serves that call, except
`numbers`, which also reads the numbers that carriers send.
"""

from router.config.site import Site, find_directory, load

__all__ = ["Site", "find_directory", "load"]
