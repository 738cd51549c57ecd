"""Runs the measures: `python -m bench [NAME...]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bench

RESULTS = Path(__file__).with_name("results.json")
ROW = "{:<26} {:>14} {:>14} {:<14} {:>7} {:>7}"


def main(names: list[str]) -> int:
    bench.load_measures()
    if unknown := sorted(set(names) - set(bench.MEASURES)):
        print(f"No measure is called {', '.join(unknown)}. There are: {', '.join(sorted(bench.MEASURES))}.")
        return 2
    results = {}
    print(ROW.format("measure", "value", "limit", "unit", "ratio", "floor"))
    for name in names or sorted(bench.MEASURES):
        result = bench.measure_apart(name)
        results[name] = result
        floor = bench.MEASURES[name].floor
        print(
            ROW.format(
                name,
                f"{result['value']:,.1f}",
                f"{result['limit']:,.1f}",
                result["unit"],
                f"{result['ratio']:.2f}",
                f"{floor:.2f}",
            ),
            "" if result["ratio"] >= floor else "  BELOW ITS FLOOR",
            flush=True,
        )
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return int(any(result["ratio"] < bench.MEASURES[name].floor for name, result in results.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
