from django.db import migrations
from django.utils import timezone

# Who was to get them when this was written.
OWNERS = ("owner",)
WHO_CHANGE_APPS = ("owner", "developer")


def carry_over(apps, schema_editor):
    """What had not been mailed yet becomes notices: at most what was done in the last minute before."""
    User, Notice = apps.get_model("accounts", "User"), apps.get_model("accounts", "Notice")
    now = timezone.now()

    def tell(kind, row, organization, users=(), once="", address="", data=None):
        fields = {
            "organization": organization,
            "kind": kind,
            "about": str(row.pk),
            "once_key": f"{kind}:{row.pk}:{once}",
            "data": data or {},
            "created_at": now,
            "next_try_at": now,
        }
        rows = [Notice(user=user, **fields) for user in users]
        if address:
            rows.append(Notice(address=address, **fields))
        Notice.objects.bulk_create(rows)

    def people(organization, roles):
        members = {"memberships__organization": organization, "memberships__role__in": roles}
        return User.objects.filter(is_active=True, **members)

    operators = User.objects.filter(is_active=True, is_staff=True)
    for invitation in apps.get_model("accounts", "Invitation").objects.filter(
        mailed_at=None, expires_at__gt=now
    ):
        tell("invited", invitation, invitation.organization, address=invitation.invited)
    proposals = apps.get_model("accounts", "Proposal").objects
    for proposal in proposals.filter(state="open", proposal_mailed_at=None):
        others = people(proposal.organization, OWNERS).exclude(pk=proposal.asked_by_id)
        tell("proposed", proposal, proposal.organization, others)
    for proposal in proposals.filter(state__in=["agreed", "refused", "expired"], answer_mailed_at=None):
        tell("answered", proposal, proposal.organization, [proposal.asked_by])
    for step in apps.get_model("accounts", "ApplicationStep").objects.filter(mailed_at=None):
        if step.kind in ("sent", "answered"):
            tell("application_to_judge", step, None, operators)
        else:
            tell("application_judged", step, step.organization, people(step.organization, OWNERS))
    changes = apps.get_model("accounts", "OrganizationChange").objects
    asked = changes.filter(state="waiting", request_mailed_at=None)
    for change in [*asked, *changes.exclude(state="waiting").filter(decision_mailed_at=None)]:
        kind = "organization_change" if change.app is None else "app_change"
        told = people(change.organization, OWNERS if change.app is None else WHO_CHANGE_APPS)
        data = {"state": change.state}
        tell(kind, change, change.organization, told, once=change.state, data=data)
        if change.state == "waiting":
            tell("change_to_decide", change, None, operators, data=data)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0017_add_notices")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
