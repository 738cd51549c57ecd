"""What the load generator prints is read rightly: a measure is only as good as that."""

from __future__ import annotations

import pytest

from bench.servers import Load, _parse

OUTPUT = """\
Running 3s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     8.27ms   20.61ms 203.70ms   91.13%
    Req/Sec    11.43k     2.91k   16.33k    70.00%
  Latency Distribution
     50%  850.00us
     75%    4.29ms
     90%   21.79ms
     99%    1.02s\x20
  34205 requests in 3.01s, 5.22MB read
Requests/sec:  11371.62
Transfer/sec:      1.73MB
"""


def test_figures_are_read_in_milliseconds() -> None:
    assert _parse(OUTPUT) == Load(per_second=11371.62, p50=0.85, p99=1020.0)


@pytest.mark.parametrize(
    "line", ["  Non-2xx or 3xx responses: 12", "  Socket errors: connect 0, read 7, write 0, timeout 0"]
)
def test_failures_are_no_measure(line: str) -> None:
    with pytest.raises(RuntimeError, match=line.strip()):
        _parse(OUTPUT.replace("Requests/sec", f"{line}\nRequests/sec"))
