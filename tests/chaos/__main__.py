"""`make chaos`: claims and deliveries while everything they run on is killed, hung and emptied.

`make chaos ARGS="--seconds 120 --database sqlite --seed 7"`. What is killed when, and how the studio's
server misbehaves, follows from the seed.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys

DATABASES = ["postgresql", "sqlite"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of killing, on each database (default: 60)")
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: one after the other")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="to replay a failure")
    arguments = parser.parse_args()
    failed = []
    for database in arguments.database or DATABASES:
        # A process of its own: Django is set up for one database.
        words = [database, str(arguments.seconds), str(arguments.seed)]
        if subprocess.run([sys.executable, "-m", "tests.chaos.run", *words], check=False).returncode:
            failed.append(database)
    if failed:
        print(f"\nBROKEN on {', '.join(failed)}. To replay: make chaos ARGS='--seed {arguments.seed}'")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
