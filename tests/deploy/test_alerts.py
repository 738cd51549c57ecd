"""Alerts, dashboard and docs/operations.md name figures that exist, and each alert says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from config import metrics
from config.metrics import Gauge
from drops.domain import readings as of_drops
from fulfillment.domain import readings as of_deliveries

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/drops.json").read_text())
FIGURE = re.compile(r"\bdrops_[a-z_]+")


def figures() -> set[str]:
    """As Prometheus names them."""
    counted = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
        if family.name.startswith("drops_")
    }
    read = {
        each.name
        for module in (metrics, of_drops, of_deliveries)
        for each in vars(module).values()
        if isinstance(each, Gauge)
    }
    pool = {f"drops_database_pool_{name}" for name in metrics.POOL}
    return counted | read | pool | {"drops_database_pool_timeouts_total", "drops_process"}


def named(expression: str) -> set[str]:
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in FIGURE.findall(expression)}


def section(alert: str) -> str:
    found = re.search(rf"^## {alert}\n(.*?)(?=^## |\Z)", OPERATIONS, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_the_page_lists_every_figure_and_no_other() -> None:
    assert set(re.findall(r"^\| `(drops_[a-z_]+)`", OPERATIONS, re.MULTILINE)) == figures()


def test_alerts_ask_for_figures_that_exist() -> None:
    assert {name for alert in ALERTS for name in named(alert["expr"])} <= figures()


def test_the_dashboard_shows_every_figure() -> None:
    shown = {
        name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in named(target["expr"])
    }
    assert shown == figures()


@pytest.mark.parametrize("alert", ALERTS, ids=[alert["alert"] for alert in ALERTS])
def test_each_alert_says_what_it_means_what_to_look_at_and_what_to_do(alert: dict[str, Any]) -> None:
    text = section(alert["alert"])

    assert all(f"**{word}:**" in text for word in ("Means", "Look at", "Do"))
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
    assert alert["labels"]["severity"] in ("page", "ticket")


def test_no_section_is_about_an_alert_that_is_gone() -> None:
    assert set(re.findall(r"^## (Drops\w+)$", OPERATIONS, re.MULTILINE)) == {
        alert["alert"] for alert in ALERTS
    }


def test_every_parenthesis_is_closed() -> None:
    """A rule that Prometheus cannot read would take all others with it."""
    for expression in (alert["expr"] for alert in ALERTS):
        assert all(expression.count(a) == expression.count(b) for a, b in ("()", "{}", "[]"))
