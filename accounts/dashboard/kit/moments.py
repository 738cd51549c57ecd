"""Times in forms: typed as the clocks of a time zone show them, with UTC beside them.

Clocks skip some times, and show others twice. A form explains the first and asks about the second.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import dateformat
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _, gettext_lazy

from config import zones

WHICH = "_which"  # after a field's name: which of two moments that clocks show alike
PICKER = "%Y-%m-%dT%H:%M"
# Of what is typed or sent. Nearer to the first and the last year that there is, no zone may be told.
YEARS = range(2000, 2101)


class Reading(NamedTuple):
    """One of the moments that the typed time may mean: its value, and its words."""

    value: str
    words: str
    chosen: bool


class MomentInput(forms.DateTimeInput):
    """A browser's own picker, with UTC beside it; where clocks show the time twice, with the question which it is."""

    input_type = "datetime-local"
    template_name = "dashboard/moment_input.html"
    zone: tzinfo = UTC
    explains = False  # says itself what is wrong with the time: where no error of the field does

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, datetime):
            return f"{value.astimezone(self.zone):{PICKER}}"
        return (
            value.partition("+")[0][:16] if isinstance(value, str) and _offset(value) is not None else value
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """What was typed, with its offset from UTC where that was chosen for the same time."""
        text, which = data.get(name), data.get(name + WHICH)
        if isinstance(text, str) and isinstance(which, str) and text and which.startswith(text.strip()[:16]):
            return which
        return text

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        local = _typed(self.format_value(value))
        moments = _moments(local, self.zone) if local else []
        present = _minute(value) if isinstance(value, datetime) else _chosen(value)
        context["widget"] |= {
            "zone": zones.name_of(self.zone),
            "in_utc": zones.words(moments[0], zone=UTC) if len(moments) == 1 and self.zone is not UTC else "",
            "which": name + WHICH,
            "skipped": _skipped(local, self.zone) if self.explains and local and not moments else "",
            "readings": [
                Reading(
                    moment.astimezone(self.zone).isoformat(timespec="minutes"),
                    f"{zones.words(moment, 'H:i', self.zone)} ({zones.words(moment, 'H:i', UTC)})",
                    moment == present,
                )
                for moment in moments
            ]
            if len(moments) > 1
            else [],
        }
        return context


class MomentField(forms.DateTimeField):
    """A moment, typed in `zone`. The picker knows minutes: what was drawn and not touched stays as it is, seconds
    and all."""

    widget: Any = MomentInput
    drawn: datetime | None = None

    def in_zone(self, zone: tzinfo, drawn: datetime | None = None) -> None:
        """Read in `zone`; `drawn` is what the form showed before somebody typed, where it showed anything."""
        self.widget.zone = zone
        self.drawn = drawn

    def prepare_value(self, value: Any) -> Any:
        return value

    def clean(self, value: Any) -> Any:
        if self.drawn is not None and not self.disabled and not self.has_changed(self.drawn, value):
            return self.drawn
        return super().clean(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        if not isinstance(initial, datetime):
            return bool(data) or bool(initial)
        if _typed(data) != _typed(self.widget.format_value(initial)):
            return True
        chosen = _chosen(data)
        return chosen is not None and chosen != _minute(initial)

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        if moment is None or isinstance(value, datetime):
            return moment
        local = moment.replace(tzinfo=None)  # with the offset, or in UTC, which is Django's current time zone
        if local.year not in YEARS:
            raise ValidationError(_("Choose a year between 2000 and 2100."), code="invalid")
        moments = zones.moments_of(local, self.widget.zone)
        if _offset(value) is not None and moment in moments:  # else it was chosen in another zone
            return moment
        if not moments:
            raise ValidationError(_skipped(local, self.widget.zone), code="skipped")
        if len(moments) > 1:
            raise ValidationError(_twice(local, self.widget.zone), code="twice")
        return moments[0]


class ZoneForm(forms.Form):
    """A form with times. It says in which zone it reads them, which is the person's own unless another is chosen.

    To choose another zone shifts nothing: what was drawn and not touched is drawn again, in that zone. A time that
    was typed is read in it.
    """

    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), required=False, widget=forms.Select(attrs={"translate": "no"})
    )

    times_zone: tzinfo = UTC

    def read_times(self) -> None:
        """To be called once the form knows what it is bound to, and its initial values."""
        own = zones.name_of(zones.current())
        # Those who may only look have a form without fields.
        moments = {name: field for name, field in self.fields.items() if isinstance(field, MomentField)}
        if not moments:
            return
        chosen = zones.zone_named(self.data.get(self.add_prefix("zone"), "")) or zones.current()
        self.times_zone = chosen
        choice: Any = self.fields["zone"]
        choice.choices = zones.choices(own, zones.name_of(chosen))
        self.initial["zone"] = own
        before = zones.zone_named(self.data.get(self.add_initial_prefix("zone"), "")) or chosen
        for name, field in moments.items():
            field.in_zone(before, self._drawn(name))
        if before != chosen:
            self._draw_in(chosen, moments)
        for name, field in moments.items():
            field.in_zone(chosen, self._drawn(name))

    def _drawn(self, name: str) -> datetime | None:
        """What the form showed of a row that exists; the form carries it itself."""
        text = self.data.get(self.add_initial_prefix(name), "")
        try:
            moment = parse_datetime(text) if isinstance(text, str) else None
        except ValueError:
            return None
        return moment if moment is not None and moment.tzinfo is not None and moment.year in YEARS else None

    def _draw_in(self, zone: tzinfo, moments: dict[str, MomentField]) -> None:
        data: Any = cast("QueryDict", self.data).copy()
        for name, field in moments.items():
            drawn, posted = self._drawn(name), self.add_prefix(name)
            typed = field.widget.value_from_datadict(data, {}, posted)
            if drawn is not None and not field.has_changed(drawn, typed):
                local = drawn.astimezone(zone)
                data[posted] = f"{local:{PICKER}}"
                data[posted + WHICH] = local.isoformat(timespec="minutes")
        data[self.add_initial_prefix("zone")] = zones.name_of(zone)
        self.data = data

    def clean_zone(self) -> str:
        """Whatever was chosen, the times were read in a zone: this one."""
        chosen: str = self.cleaned_data["zone"]
        return chosen or zones.name_of(zones.current())


def _typed(value: Any) -> datetime | None:
    """The time that was typed, as clocks show it."""
    if not isinstance(value, str):
        return None
    try:
        parsed = parse_datetime(value.strip())
    except ValueError:
        return None
    return parsed.replace(second=0, microsecond=0, tzinfo=None) if parsed else None


def _offset(value: Any) -> tzinfo | None:
    try:
        parsed = parse_datetime(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
    return parsed.tzinfo if parsed else None


def _chosen(value: Any) -> datetime | None:
    """The minute, where what was typed says which moment it is."""
    if _offset(value) is None:
        return None
    parsed = parse_datetime(value.strip())
    return _minute(parsed) if parsed and parsed.year in YEARS else None


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _moments(local: datetime, zone: tzinfo) -> list[datetime]:
    try:
        return zones.moments_of(local, zone)
    except OverflowError:
        return []


def _skipped(local: datetime, zone: tzinfo) -> str:
    try:
        before, after = zones.around(local, zone)
    except OverflowError:
        return ""
    text = _(
        "There is no %(time)s on %(day)s in %(zone)s: clocks are put forward over it. Choose %(before)s or %(after)s."
    )
    return text % {
        **_words(local, zone),
        "before": f"{before:%H:%M}",
        "after": f"{after:%H:%M}",
    }


def _twice(local: datetime, zone: tzinfo) -> str:
    text = _(
        "It is %(time)s twice on %(day)s in %(zone)s, since clocks are put back. Choose which of the two you mean."
    )
    return text % _words(local, zone)


def _words(local: datetime, zone: tzinfo) -> dict[str, str]:
    return {
        "time": f"{local:%H:%M}",
        "day": dateformat.format(local, "j M Y"),
        "zone": zones.name_of(zone),
    }
