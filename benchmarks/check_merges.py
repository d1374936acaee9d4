"""Random pairs of branches merged by git with imagelock's driver: no false conflict, no wrong lock.

    python benchmarks/check_merges.py [PAIRS]

The same pairs are merged by git's own line merge, for comparison.  Exits 1 if a merge with the driver is wrong.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.merging import Repository, random_pair

if TYPE_CHECKING:
    from support.merging import Verdict

PAIRS = 200


def main() -> int:
    """Merge every pair twice and print what came of it."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    failed = False
    with tempfile.TemporaryDirectory() as name:
        for title, driver in (("imagelock's driver", True), ("git's line merge", False)):
            repository = Repository(Path(name, "driver" if driver else "lines"), driver=driver)
            counts = Counter(
                told(repository.merge(random_pair(seed), f"pair{seed}")) for seed in range(pairs)
            )
            print(f"{title}: {pairs} pairs: {', '.join(f'{n} {what}' for what, n in sorted(counts.items()))}")
            failed = failed or (driver and any(not what.startswith("right") for what in counts))
    return int(failed)


def told(verdict: Verdict) -> str:
    """Return what came of one merge in words."""
    if verdict.wrong is None:
        return "rightly stopped" if verdict.stopped else "rightly merged"
    return verdict.wrong if not verdict.wrong.startswith("the conflict") else "conflicts that name too little"


if __name__ == "__main__":
    sys.exit(main())
