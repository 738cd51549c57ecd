"""What became of claims, in the studio's own words."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.templatetags.dashboard import percent
from config import charts
from fulfillment.dashboard.numbers.tabs import campaign_of, chosen_reward, numbers_page, show
from fulfillment.domain.analytics.groups import shown
from fulfillment.domain.analytics.status_words import status_words
from fulfillment.models import INITIATED
from fulfillment.templatetags.numbers import viewers


@numbers_page("campaign_statuses", "statuses/")
def campaign_statuses(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    attached = list(campaign.campaign_rewards.select_related("reward"))
    chosen = chosen_reward(request, attached)
    found = status_words(campaign, reward_id=chosen.reward_id if chosen else "")
    made = found.words[0].ever
    rows = [
        (word, word.now if word.word == INITIATED else shown(word.now), shown(word.ever))
        for word in found.words
    ]
    # A few are drawn as none.
    steps = [
        charts.Step(
            _("Claimed") if word.word == INITIATED else word.word,
            made if word.word == INITIATED else told or 0,
            viewers(None) if told is None else f"({percent(word.ever / made)})" if made else "",
        )
        for word, _now, told in rows
    ]
    context = {
        "attached": attached,
        "chosen": chosen,
        "made": made,
        "rows": rows,
        "more": found.more,
        "initiated": INITIATED,
        "chart": charts.funnel(
            title=_("Claims that ever had a status"), head=_("Status"), name=_("claims"), steps=steps
        ),
    }
    return show(request, campaign, "campaign_statuses", "statuses.html", context)
