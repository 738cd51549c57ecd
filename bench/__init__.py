"""What Drops costs beside the least that the same work can cost, measured in the same run.

`make bench` runs every measure, `make bench ONLY="claim_http claims_page"` those named. A measure is a
function in any module of this package:

    from bench import measure, servers

    @measure(floor=0.5, unit="beats/s")
    def heartbeat_http() -> tuple[float, float]:
        \"\"\"Beats accepted over HTTP, beside a no-op view on the same server.\"\"\"
        ...
        return value, limit

Its name is its function's. It returns what Drops does (`value`) and the limit it is held against, in
`unit`; the ratio is value to limit, or limit to value where `lower_is_better` (times). Each measure
runs in a fresh process, so it may set Django up as it likes (`servers.set_up_django`); Django's own
modules and the apps are imported inside the function, after that. Measures run one at a time.
"""

from __future__ import annotations

import importlib
import multiprocessing
import pkgutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

PROGRAMS = {"__main__", "bare_sockets", "noop", "open_sockets", "trivial"}


@dataclass(frozen=True)
class Measure:
    run: Callable[[], tuple[float, float]]
    floor: float
    unit: str
    lower_is_better: bool


MEASURES: dict[str, Measure] = {}


def measure(
    *, floor: float, unit: str, lower_is_better: bool = False
) -> Callable[[Callable[[], tuple[float, float]]], Callable[[], tuple[float, float]]]:
    """Register a function as a measure whose ratio must not fall below `floor`."""

    def register(function: Callable[[], tuple[float, float]]) -> Callable[[], tuple[float, float]]:
        MEASURES[function.__name__] = Measure(function, floor, unit, lower_is_better)
        return function

    return register


def load_measures() -> None:
    """Import every module of the package: each registers its measures."""
    for module in pkgutil.iter_modules(__path__):
        if module.name not in PROGRAMS:
            importlib.import_module(f"bench.{module.name}")


def measure_apart(name: str) -> dict[str, float | str]:
    """Measure in a process of its own: settings, connections and memory are nobody else's."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as process:
        return process.submit(_measure, name).result()


def _measure(name: str) -> dict[str, float | str]:
    load_measures()
    chosen = MEASURES[name]
    value, limit = chosen.run()
    ratio = limit / value if chosen.lower_is_better else value / limit
    return {"value": value, "limit": limit, "ratio": ratio, "unit": chosen.unit}
