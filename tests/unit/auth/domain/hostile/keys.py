"""Headers that try to choose the key, or the reader: RFC 8725 sections 2.9, 3.10."""

from __future__ import annotations

from tests.support.tokens import (
    NOW,
    header,
    jwk,
    signed,
    signing_key,
)
from tests.unit.auth.domain.hostile.case import Cases, own_key

CASES = Cases()


# RFC 8725 2.9, 3.10: where the key comes from

CASES.with_header(
    "key_unknown",
    "8725-2.9 8725-3.10",
    kid_path={"kid": "../../../../../../dev/null"},
    kid_sql={"kid": "x' UNION SELECT 'secret'-- "},
    kid_command={"kid": "key|/usr/bin/id"},
    kid_url={"kid": "http://127.0.0.1:1/key"},
    kid_ldap={"kid": "*)(uid=*"},
    kid_nul={"kid": "\0"},
    kid_with_blank={"kid": " "},
)
CASES.add("kid-of-another", "8725-3.10", "key_unknown", lambda: signed(key=signing_key(number=1)))
CASES.add("kid-cut", "8725-3.10", "key_unknown", lambda: signed(head=header(kid=signing_key().kid[:-1])))
CASES.add("kid-other-case", "8725-3.10", "key_unknown", lambda: signed(head=header(kid=signing_key().kid.swapcase())))
CASES.with_header(
    "key_id_missing",
    "8725-3.10",
    kid_missing={"kid": None},
    kid_empty={"kid": ""},
    kid_number={"kid": 0},
    kid_list={"kid": [signing_key().kid]},
    kid_true={"kid": True},
)
CASES.add("jwk-in-header", "8725-2.9 8725-3.10", "header_too_large", lambda: own_key(jwk=jwk(signing_key(number=1))))
CASES.add(
    "secret-in-header",
    "8725-3.10",
    "header_member_refused",
    lambda: signed(head=header(alg="HS256", jwk={"kty": "oct", "k": "AAAA"})),
)
CASES.add(
    "jku-in-header", "8725-2.9 8725-3.10", "header_member_refused", lambda: own_key(jku="https://127.0.0.1/jwks.json")
)
CASES.add("x5u-in-header", "8725-2.9 8725-3.10", "header_member_refused", lambda: own_key(x5u="file:///etc/passwd"))
CASES.add("x5c-in-header", "8725-3.10", "header_member_refused", lambda: own_key(x5c=["MIIB"]))
CASES.with_header(
    "header_member_refused",
    "8725-3.10",
    x5t_in_header={"x5t": "AAAA"},
    x5t_s256_in_header={"x5t#S256": "AAAA"},
    crit_known={"crit": ["b64"], "b64": True},
    crit_unknown={"crit": ["exp"], "exp": NOW},
    crit_empty={"crit": []},
    b64_false={"b64": False},
    cty_jwt={"cty": "JWT"},
    url_in_header={"url": "https://127.0.0.1"},
    nonce_in_header={"nonce": "n"},
    claims_in_header={"iss": "novacron-auth-service", "sub": "x"},
    member_without_name={"": ""},
    alg_other_case={"ALG": "none"},
)
