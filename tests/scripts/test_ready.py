"""The last line of the launcher waits for a slow machine, and says for what."""

from __future__ import annotations

from scripts import ready


def test_what_does_not_answer_yet_is_named_and_waited_for(monkeypatch, capsys):
    monkeypatch.setattr(ready, "PATIENCE", 0.15)
    answers = iter([False] * 5 + [True])

    ready.wait_for({"web": lambda: next(answers), "studio": lambda: True})

    assert capsys.readouterr().out.startswith("Still waiting for: web.\n")
    assert next(answers, None) is None


def test_nothing_is_said_where_everything_answers_at_once(capsys):
    ready.wait_for({"web": lambda: True})
    assert capsys.readouterr().out == ""
