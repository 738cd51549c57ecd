"""A row is locked once, and read anew."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from config.locks import lock

pytestmark = pytest.mark.django_db


def test_a_locked_row_is_read_anew(viewer: User) -> None:
    User.objects.filter(pk=viewer.pk).update(username="renamed")

    assert lock(viewer).username == "renamed"


def test_the_user_of_a_request_is_locked_like_any_row(viewer: User) -> None:
    user = lock(SimpleLazyObject(lambda: viewer))

    assert (type(user), user) == (User, viewer)


@pytest.mark.postgresql
def test_new_rows_may_refer_to_a_locked_row(viewer: User) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        lock(viewer)

    assert queries[-1]["sql"].endswith("FOR NO KEY UPDATE")
