from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import HealthCheck, given, settings, strategies as st
from ulid import ULID

from accounts.models import Organization
from config.ulid import first_ulid, parse_ulid
from tests.factories import OrganizationFactory

ulids = st.binary(min_size=16, max_size=16).map(lambda raw: str(ULID.from_bytes(raw)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "01JAXK8N4QWRTY5PM7ZEBVJDS8S",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "01JAXK8N4QWRTY5PM7ZEBVGH2U",
        "é" * 26,
        "01JAXK8N4QWRTY5PM7ZEBVGH2\u017f",
    ],
)
def test_what_is_no_ulid_is_refused(text):
    assert parse_ulid(text) is None


def test_lower_case_is_read_and_upper_case_is_kept():
    assert parse_ulid("01jaxk8n4qwrty5pm7zebvgh2s") == "01JAXK8N4QWRTY5PM7ZEBVGH2S"


@pytest.mark.django_db
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ulids, min_size=2, max_size=6, unique=True))
def test_the_database_orders_ulids_as_their_text(texts):
    Organization.objects.all().delete()
    for text in texts:
        OrganizationFactory(id=text)

    assert list(Organization.objects.order_by("id").values_list("id", flat=True)) == sorted(texts)


@pytest.mark.django_db
def test_an_id_that_is_no_ulid_is_a_validation_error_not_a_crash():
    with pytest.raises(ValidationError, match="is not an ID"):
        Organization.objects.filter(id="nonsense").exists()


@pytest.mark.django_db
@pytest.mark.postgresql
def test_postgresql_keeps_16_bytes():
    organization = OrganizationFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_column_size(id) FROM accounts_organization WHERE id = %s",
            [ULID.from_str(organization.id).to_uuid()],
        )
        assert cursor.fetchone() == (16,)


def test_the_first_of_a_moment_is_no_larger_than_any_of_it():
    first = first_ulid(datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC))
    assert ULID.from_str(first).milliseconds == 1_795_176_000_123
    assert first.endswith("0" * 16)
