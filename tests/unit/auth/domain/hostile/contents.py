"""Rightly signed claims that are not for us, not now, or not as documented: RFC 7519, RFC 9068, RFC 8725."""

from __future__ import annotations

import json
from functools import partial

import jwt

from tests.support.tokens import (
    NOW,
    claims,
    header,
    service_claims,
    signed,
    signing_key,
)
from tests.unit.auth.domain.hostile.case import Cases, extended

CASES = Cases()


def _with_text(name: str, value: str) -> bytes:
    """Valid claims, one of them as this text."""
    return signed((json.dumps(claims(**{name: None}))[:-1] + f', "{name}": {value}}}').encode())


# RFC 8725 2.7, 2.8, 3.8, 3.9, 3.11, 3.12: substitution and confusion

CASES.with_claims(
    "issuer_refused",
    "8725-2.7 8725-3.8",
    iss_other={"iss": "https://accounts.example.com"},
    iss_prefix={"iss": "novacron-auth-service.example.com"},
    iss_other_case={"iss": "NovaCron-Auth-Service"},
    iss_slash={"iss": "novacron-auth-service/"},
)
CASES.with_claims("claim_missing", "8725-3.8 9068", iss_missing={"iss": None}, sub_missing={"sub": None})
CASES.with_claims(
    "claim_invalid",
    "8725-3.8",
    iss_list={"iss": ["novacron-auth-service"]},
    iss_empty={"iss": ""},
    sub_empty={"sub": ""},
    sub_number={"sub": 1},
    sub_blank={"sub": "  "},
    sub_with_line={"sub": "x\r\nX-Role: admin"},
    sub_with_nul={"sub": "admin\0"},
    sub_with_override={"sub": "admin\u202e"},
    sub_object={"sub": {"id": 1}},
)
CASES.with_claims(
    "audience_refused",
    "8725-2.7 8725-3.9",
    aud_other={"aud": "billing-api"},
    aud_list_of_others={"aud": ["billing-api", "novacron"]},
    aud_prefix={"aud": "novacron-api.example.com"},
    aud_joined={"aud": "novacron-api billing-api"},
    aud_other_case={"aud": "NovaCron-API"},
)
CASES.with_claims("claim_missing", "8725-3.9", aud_missing={"aud": None})
CASES.with_claims(
    "claim_invalid",
    "8725-3.9",
    aud_empty={"aud": ""},
    aud_object={"aud": {"novacron-api": True}},
    aud_number={"aud": 1},
    aud_mixed_list={"aud": ["novacron-api", 1]},
    aud_nested_list={"aud": [["novacron-api"]]},
    aud_list_with_empty={"aud": ["novacron-api", ""]},
)
CASES.with_claims("audience_refused", "8725-3.9", aud_empty_list={"aud": []})
CASES.add("aud-null", "8725-3.9", "claim_invalid", lambda: signed(json.dumps({**claims(), "aud": None}).encode()))
CASES.with_header(
    "type_refused",
    "8725-2.8 8725-3.11 8725-3.12",
    typ_missing={"typ": None},
    typ_jwt={"typ": "JWT"},
    typ_id_token={"typ": "id+jwt"},
    typ_logout={"typ": "logout+jwt"},
    typ_event={"typ": "secevent+jwt"},
    typ_proof={"typ": "dpop+jwt"},
    typ_introspection={"typ": "token-introspection+jwt"},
    typ_empty={"typ": ""},
    typ_with_blank={"typ": "at+jwt "},
    typ_with_parameter={"typ": "at+jwt; charset=utf-8"},
    typ_other_tree={"typ": "text/at+jwt"},
    typ_upper_case={"typ": "AT+JWT"},
    typ_list={"typ": ["at+jwt"]},
    typ_number={"typ": 1},
    typ_true={"typ": True},
)
CASES.add("typ-null", "8725-3.11", "type_refused", lambda: signed(head=json.dumps({**header(), "typ": None}).encode()))
CASES.add(
    "id-token",
    "8725-2.8 8725-3.12",
    "type_refused",
    lambda: signed(claims(client_id=None, role=None, nonce="n", at_hash="h"), header(typ="JWT")),
)

# RFC 7519: times

CASES.with_claims(
    "expired",
    "7519",
    exp_skew_ago={"exp": NOW - 30},
    exp_hour_ago={"exp": NOW - 3600},
    exp_zero={"exp": 0},
)
CASES.with_claims("not_yet_valid", "7519", nbf_after_skew={"nbf": NOW + 31}, nbf_far={"nbf": 2**53 - 1})
CASES.with_claims(
    "issued_in_future", "7519", iat_after_skew={"iat": NOW + 31}, iat_far={"iat": NOW + 10**6, "exp": NOW + 10**7}
)
CASES.with_claims(
    "too_old",
    "7519",
    iat_just_too_old={"iat": NOW - 86401},
    iat_zero={"iat": 0},
    never_ending={"iat": NOW - 10**6, "exp": 2**53 - 1},
)
CASES.with_claims("claim_missing", "7519 9068", exp_missing={"exp": None}, iat_missing={"iat": None})
for _name in ("exp", "iat", "nbf"):
    for _kind, _value in {
        "string": f'"{NOW}"',
        "with-point": f"{NOW}.0",
        "with-exponent": "1.8e9",
        "whole-exponent": "18e8",
        "true": "true",
        "null": "null",
        "list": f"[{NOW}]",
        "negative": "-1",
    }.items():
        CASES.add(
            f"{_name}-{_kind}",
            "7519",
            "claim_invalid",
            partial(_with_text, _name, _value),
        )

# RFC 9068: the other claims

CASES.with_claims(
    "claim_missing",
    "9068",
    jti_missing={"jti": None},
    client_id_missing={"client_id": None},
    role_missing={"role": None},
)
CASES.with_claims(
    "claim_invalid",
    "9068",
    jti_empty={"jti": ""},
    jti_number={"jti": 7},
    client_id_empty={"client_id": ""},
    client_id_list={"client_id": ["novacron"]},
    role_list={"role": ["admin"]},
    role_empty={"role": ""},
    scope_list={"scope": ["metrics:write"]},
    scope_number={"scope": 1},
    scope_two_blanks={"scope": "a  b"},
    scope_tab={"scope": "a\tb"},
    scope_quote={"scope": 'a"b'},
    scope_blank_after={"scope": "a "},
)
CASES.add("scope-null", "9068", "claim_invalid", extended('"scope": null'))
CASES.with_claims(
    "organization_missing", "interfaces", org_missing={"org": None}, org_missing_admin={"org": None, "role": "admin"}
)
CASES.with_claims(
    "claim_invalid",
    "interfaces",
    org_empty={"org": ""},
    org_number={"org": 1},
    org_empty_platform_admin={"org": "", "role": "platform-admin"},
    sid_empty={"sid": ""},
    sid_number={"sid": 5},
    sid_with_line={"sid": "a\nb"},
    rot_negative={"rot": -1},
    rot_true={"rot": True},
    rot_with_point={"rot": 1.0},
    rot_string={"rot": "1"},
)
CASES.add("org-null", "interfaces", "claim_invalid", lambda: signed(json.dumps({**claims(), "org": None}).encode()))
CASES.add("rot-null", "interfaces", "claim_invalid", lambda: signed(json.dumps({**claims(), "rot": None}).encode()))
CASES.with_claims("session_incomplete", "interfaces", sid_without_rot={"rot": None}, rot_without_sid={"sid": None})
CASES.add("org-missing-service", "interfaces", "organization_missing", lambda: signed(service_claims(org=None)))
CASES.add("sid-of-service", "interfaces", "session_of_service", lambda: signed(service_claims(sid="s", rot=0)))
CASES.add("sid-alone-of-service", "interfaces", "session_of_service", lambda: signed(service_claims(sid="s")))
CASES.add("rot-alone-of-service", "interfaces", "session_of_service", lambda: signed(service_claims(rot=0)))
CASES.add(
    "pyjwt-default",
    "8725-3.11",
    "type_refused",
    lambda: jwt.encode(claims(), signing_key().private_key, "RS256", {"kid": signing_key().kid}).encode(),
)
