"""Unlikely inputs: each must quickly give a right answer or an error of rnncli's own.

    python tests/fuzz --seconds 60              all targets, for a minute
    python tests/fuzz --seed 7 --case spec:123  one case again, with its whole traceback

Case 123 of a target is the same for the same seed. Each fault found here gets a test, and its input becomes a seed in
`seeds.txt`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from targets import TARGETS, Target

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

LONGEST = 5.0
"""The time limit of a case in seconds. Most take a thousandth of that, but the machine may be busy."""
ROOM = 1 << 30
"""The memory limit of a case in bytes, in addition to the memory of Python and NumPy."""
MOST_FAULTS = 20


class TooLongError(BaseException):
    """A case takes too long. No error handler in rnncli catches it."""


def _too_long(number: int, frame: FrameType | None) -> NoReturn:
    raise TooLongError(f"it took more than {LONGEST:g} s")


def run_case(target: Target, seed: int, case: int) -> None:
    """Run a case; any exception is a fault."""
    generator = random.Random(f"{seed}:{case}")
    made = target.make(generator)
    Path("case").write_text(repr(made)[:10_000], encoding="utf-8", errors="surrogateescape")
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        target.check(made)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def work(name: str, seed: int, seconds: float) -> int:
    """Run cases of one target in this process until the time is over; return the number of faults."""
    target, seen, case, end = TARGETS[name], set[str](), 0, time.monotonic() + seconds
    while time.monotonic() < end and len(seen) < MOST_FAULTS:
        case += 1
        Path("number").write_text(str(case))
        try:
            run_case(target, seed, case)
        except (Exception, TooLongError) as fault:
            *_, place = traceback.extract_tb(fault.__traceback__)
            kind = f"{type(fault).__name__} in {place.name}"
            if kind not in seen:
                seen.add(kind)
                print(f"{name}:{case}: {kind}: {fault!s:.500}\n  {Path('case').read_text()[:1000]}", flush=True)
    print(f"{name}: {case:,} cases, {len(seen)} faults", flush=True)
    return len(seen)


def limited() -> None:
    """Limit the memory of this process, and prepare to interrupt a case that takes too long."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ROOM, mapped + ROOM))
    signal.signal(signal.SIGPROF, _too_long)
    os.environ["RNNCLI_DEBUG"] = "1"  # let unexpected exceptions through


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--case", help="repeat one case, such as spec:123")
    parser.add_argument("--target", choices=TARGETS, help="only one target, in this process")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    if asked.case or asked.target:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            limited()
            if asked.target:
                return work(asked.target, seed, asked.seconds)
            name, _, case = asked.case.partition(":")
            try:
                run_case(TARGETS[name], seed, int(case))
            finally:
                print(Path("case").read_text())
            return 0
    print(f"seed {seed}", flush=True)
    return max(separately(name, seed, asked.seconds / len(TARGETS)) for name in TARGETS)


def separately(name: str, seed: int, seconds: float) -> int:
    """Run a target in a separate process, where a crash of the process is a fault too; return 0 or 1."""
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, HERE, "--target", name, "--seed", str(seed), "--seconds", str(seconds)]
        env = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "TMPDIR": folder, "OPENBLAS_NUM_THREADS": "1"}
        try:
            status = subprocess.run(line, env=env, timeout=seconds + 60, check=False).returncode
        except subprocess.TimeoutExpired:
            status = -signal.SIGKILL
        if status < 0 or status > MOST_FAULTS:
            left = sorted(Path(folder).glob("*/number"))
            case = left[0].read_text() if left else "?"
            print(f"{name}:{case}: the process ended with {status}", flush=True)
    return int(status != 0)


if __name__ == "__main__":
    sys.exit(main())
