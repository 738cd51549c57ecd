"""The allow-list in the form of a campaign."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _, ngettext

from drops.domain.campaigns.allow_lists import (
    MOST_LINES,
    Line,
    Report,
    Verdict,
    Written,
    channels_named,
    report_on,
    written_in,
    written_in_file,
)
from drops.domain.campaigns.plans import MAX_CHANNELS

MOST_BYTES = 2 * 1024 * 1024
# Lines of the report that a page shows.
MOST_SHOWN = 1000


class ChannelsForm(forms.Form):
    """The allow-list of a campaign: as a list that is typed or pasted, and a file beside it.

    `report` is what becomes of each name, once the form was looked at.
    """

    channels = forms.CharField(
        label=_("Allow-list"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_(
            "One channel a line: its name, or the address of its page. If the list is empty, every channel takes "
            "part unless its streamer opted out."
        ),
    )
    add_channel = forms.CharField(
        label=_("Add a channel"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "list": "channels-found",
                "data-adds-to": "id_channels",
            }
        ),
        help_text=_("Names are suggested as you type."),
    )
    channels_file = forms.FileField(
        label=_("Add from a file"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text=_("A CSV file with a channel in each line. It is added to the list."),
    )
    leave_out_unknown = forms.BooleanField(label=_("Leave out what is unknown"), required=False)

    report: Report | None = None

    def clean_channels_file(self) -> str:
        file = self.cleaned_data["channels_file"]
        if not file:
            return ""
        if file.size > MOST_BYTES:
            raise ValidationError(_("The file is too large to be a list of channels."))
        try:
            file.seek(0)
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError(_("This is not a text file in UTF-8.")) from None
        if "\0" in text:
            raise ValidationError(_("This is not a text file in UTF-8."))
        return text

    def read_channels(self, present: Collection[str], drawn: str | None) -> None:
        """Look at the names that were given, and keep them as they are in the list's own field.

        `present`: the slugs that the allow-list has now. `drawn`: the list as the form showed it: somebody else may
        have changed it since, and that stays.
        """
        if "channels" not in self.cleaned_data or self.fields["channels"].disabled:
            return
        typed = str(self.cleaned_data["channels"])
        from_file = list(written_in_file(self.cleaned_data.get("channels_file") or ""))
        added = list(written_in(self.cleaned_data.get("add_channel", "")))
        names = list(written_in(typed))
        report = report_on([*names, *added, *from_file], present=present)
        self.report = report
        self._keep(typed, [*added, *from_file])
        before = {name.slug for name in written_in(drawn or "")}
        meanwhile = channels_named(set(present) - before) if drawn is not None else {}
        removed_meanwhile = before - set(present) if drawn is not None else set()
        listed = {
            channel.slug: channel for channel in report.channels if channel.slug not in removed_meanwhile
        }
        channels = list((listed | meanwhile).values())
        unknown = report.unknown
        if "check_channels" in self.data:
            self.add_error("channels", _("The list was checked, and nothing is saved yet."))
        elif unknown and not self.cleaned_data.get("leave_out_unknown"):
            self.add_error(
                "channels",
                ngettext(
                    "There is no channel named %(names)s. Check the spelling.",
                    "There are no channels named %(names)s. Check the spelling.",
                    len(unknown),
                )
                % {"names": ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")},
            )
        if len(channels) > MAX_CHANNELS or len(report.lines) >= MOST_LINES:
            text = _(
                "The list has %(given)s channels. Enter at most %(count)s. To allow all channels, leave the list empty."
            )
            count = max(len(channels), len(report.lines) if len(report.lines) >= MOST_LINES else 0)
            self.add_error("channels", text % {"given": f"{count:,}", "count": f"{MAX_CHANNELS:,}"})
        elif "channels" in self.cleaned_data:
            self.cleaned_data["channels"] = channels

    def _keep(self, typed: str, further: Sequence[Written]) -> None:
        """If the form is shown again, all names stand in the list: no browser sends a file twice."""
        if further:
            data: Any = cast("QueryDict", self.data).copy()
            data["channels"] = "\n".join([typed.rstrip(), *(name.text for name in further)]).strip()
            data["add_channel"] = ""
            self.data = data
            self.files = MultiValueDict()

    def summary(self) -> str:
        """How many names were added, twice and so on; "" where none was given."""
        counts = self.report.counts() if self.report else []
        return ", ".join(f"{verdict.label}: {count:,}" for verdict, count in counts if count)

    def shown_lines(self) -> list[Line]:
        """Of the report: what needs a look first."""
        lines = self.report.lines if self.report else []
        order = [Verdict.UNKNOWN, Verdict.TWICE, Verdict.ADDED, Verdict.PRESENT]
        return sorted(lines, key=lambda line: order.index(line.verdict))[:MOST_SHOWN]
