"""Freeze the container images of a product: one lock from source files to the running cluster.

Programs call the functions of :mod:`imagelock.api`, which are names of this package: ``imagelock.scan("deploy")``.
"""

try:
    from imagelock._version import __version__
except ImportError:  # a tree that nothing was built from
    __version__ = "0.1.0.dev0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from imagelock.api import (
        Change,
        Digest,
        Finding,
        FoundReference,
        ImagelockError,
        Lock,
        LockedImage,
        Options,
        Outcome,
        Reference,
        RegistryError,
        Scan,
        SkippedText,
        check,
        lock,
        pin,
        read_lock,
        resolve,
        scan,
    )

__all__ = [
    "Change",
    "Digest",
    "Finding",
    "FoundReference",
    "ImagelockError",
    "Lock",
    "LockedImage",
    "Options",
    "Outcome",
    "Reference",
    "RegistryError",
    "Scan",
    "SkippedText",
    "__version__",
    "check",
    "lock",
    "pin",
    "read_lock",
    "resolve",
    "scan",
]

if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Import the interface when one of its names is asked for: the command line starts without it."""
        if name in __all__:
            from imagelock import api  # noqa: PLC0415 - see above

            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
