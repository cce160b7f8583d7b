"""What is made is accepted, and says what it was asked to."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain import roles
from novacron.auth.domain.minting import minted, person_claims, service_claims
from novacron.auth.domain.refusal import TokenRefused
from tests.support.tokens import AUDIENCE, ISSUER, NOW, signing_key, validator

_ids = st.uuids().map(str)
_base: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE}
_people = st.fixed_dictionaries(
    {
        "issued": st.integers(NOW - 3600, NOW),
        "lifetime": st.integers(3600, 86400),
        "token_id": _ids,
        "subject": _ids,
        "role": st.sampled_from([roles.VIEWER, roles.OPERATOR, roles.ADMIN]),
        "organization": _ids,
        "session": _ids,
        "rotation": st.integers(0, 10_000),
    }
)
_services = st.fixed_dictionaries(
    {
        "issued": st.integers(NOW - 3600, NOW),
        "lifetime": st.integers(3600, 86400),
        "token_id": _ids,
        "account": _ids,
        "organization": _ids,
        "scopes": st.frozensets(st.sampled_from(roles.SCOPES)),
    }
)


@given(_people)
def test_a_persons_token_is_accepted_as_it_was_meant(asked: dict[str, Any]) -> None:
    found = validator().validate(minted(person_claims(**_base, **asked), signing_key()).encode(), NOW)
    assert (found.subject, found.client_id, found.role) == (asked["subject"], roles.PERSON_CLIENT, asked["role"])
    assert (found.organization, found.session, found.rotation) == (
        asked["organization"],
        asked["session"],
        asked["rotation"],
    )
    assert (found.id, found.issued, found.expires) == (
        asked["token_id"],
        asked["issued"],
        asked["issued"] + asked["lifetime"],
    )


@given(_people)
def test_a_platform_admin_has_no_organization(asked: dict[str, Any]) -> None:
    changed = asked | {"role": roles.PLATFORM_ADMIN, "organization": None}
    found = validator().validate(minted(person_claims(**_base, **changed), signing_key()).encode(), NOW)
    assert (found.role, found.organization) == (roles.PLATFORM_ADMIN, None)


@given(_services)
def test_a_service_accounts_token_is_accepted_as_it_was_meant(asked: dict[str, Any]) -> None:
    found = validator().validate(minted(service_claims(**_base, **asked), signing_key()).encode(), NOW)
    assert (found.subject, found.client_id, found.role) == (asked["account"], asked["account"], roles.SERVICE)
    assert (found.session, found.rotation, found.scopes) == (None, None, asked["scopes"])


def test_the_header_names_the_key_and_the_type() -> None:
    assert jwt.get_unverified_header(minted({}, signing_key())) == {
        "alg": "RS256",
        "kid": signing_key().kid,
        "typ": "at+jwt",
    }


def test_another_key_is_not_accepted() -> None:
    with pytest.raises(TokenRefused):
        validator().validate(minted({}, signing_key(number=1)).encode(), NOW)


def test_a_signing_key_does_not_show_its_secret() -> None:
    assert "private" not in repr(signing_key())
