"""JSON that readers could understand differently: RFC 8259, RFC 7493."""

from __future__ import annotations

import json

from tests.support.tokens import (
    NOW,
    header,
    signed,
)
from tests.unit.auth.domain.hostile.case import Cases, extended, raw

CASES = Cases()


# RFC 8259 and 7493: JSON

for _text, _code in {
    "null": "not_an_object",
    "true": "not_an_object",
    "1": "not_an_object",
    '"claims"': "not_an_object",
    "[]": "not_an_object",
    "[{}]": "not_an_object",
    "{": "not_json",
    "{}{}": "not_json",
    "{} x": "not_json",
    "{'iss': 1}": "not_json",
    '{"iss": 1,}': "not_json",
    '{"iss": 01}': "not_json",
    '{"iss": +1}': "not_json",
    '{"iss": .5}': "not_json",
    '{"iss": 0x10}': "not_json",
    '{iss: "x"}': "not_json",
    '{"iss": "a\nb"}': "not_json",
    '{"iss": 1} // comment': "not_json",
    '\N{NO-BREAK SPACE}{"iss": 1}': "not_json",
    '{"iss": "\\x41"}': "not_json",
    '{"iss": "\\u12"}': "not_json",
}.items():
    CASES.add(f"payload-is {_text!a}", "8259", _code, raw(_text))
CASES.add("header-is-a-list", "8259", "not_an_object", lambda: signed(head=b'["RS256"]'))
CASES.add("header-is-null", "8259", "not_an_object", lambda: signed(head=b"null"))
CASES.add("header-is-garbage", "8259", "not_json", lambda: signed(head=b"alg: RS256"))
CASES.add(
    "header-alg-twice",
    "8259 8725-2.1",
    "duplicate_member",
    lambda: signed(head=json.dumps(header()).encode()[:-1] + b', "alg": "RS256"}'),
)
CASES.add(
    "header-kid-twice-escaped",
    "8259",
    "duplicate_member",
    lambda: signed(head=json.dumps(header()).encode()[:-1] + b', "\\u006bid": "x"}'),
)
for _name, _members in {
    "role-twice": '"role": "admin"',
    "exp-twice": f'"exp": {NOW + 10**6}',
    "sub-twice-escaped": '"s\\u0075b": "x"',
    "same-value-twice": f'"iat": {NOW - 60}',
    "twice-inside": '"note": {"a": 1, "a": 1}',
    "twice-inside-a-list": '"note": [{"a": 1, "\\u0061": 2}]',
}.items():
    CASES.add(f"payload-{_name}", "8259", "duplicate_member", extended(_members))
for _name, _number in {
    "nan": "NaN",
    "infinity": "Infinity",
    "minus-infinity": "-Infinity",
    "1e400": "1e400",
    "minus-1e400": "-1e400",
    "2-to-53": str(2**53),
    "minus-2-to-53": str(-(2**53)),
    "5000-digits-cut": "9" * 3000,
}.items():
    CASES.add(f"payload-number-{_name}", "8259", "number_refused", extended(f'"note": {_number}'))
CASES.add("payload-number-inside", "8259", "number_refused", extended('"note": [{"a": [1e999]}]'))
CASES.add("header-number-huge", "8259", "number_refused", lambda: signed(head=header(kid=10**30)))
for _name, _text in {
    "high": '"\\ud800"',
    "low": '"\\udc00"',
    "swapped": '"\\udc00\\ud800"',
    "high-upper-case": '"\\uDBFF"',
    "inside": '[{"a": "\\ud83d"}]',
}.items():
    CASES.add(f"payload-surrogate-{_name}", "8259", "lone_surrogate", extended(f'"note": {_text}'))
CASES.add("payload-surrogate-in-name", "8259", "lone_surrogate", extended('"\\ud800": 1'))
CASES.add("header-surrogate", "8259", "lone_surrogate", lambda: signed(head=header(kid="\ud800")))
CASES.add("payload-lists-9-deep", "8259 size", "nested_too_deeply", extended('"note": ' + "[" * 8 + "]" * 8))
CASES.add("payload-lists-1000-deep", "8259 size", "nested_too_deeply", extended('"note": ' + "[" * 1000 + "]" * 1000))
CASES.add(
    "payload-objects-200-deep", "8259 size", "nested_too_deeply", extended('"n": ' + '{"n":' * 200 + "1" + "}" * 200)
)
CASES.add("payload-open-brackets", "8259 size", "nested_too_deeply", raw("[" * 3000))
CASES.add("payload-bracket-after-quote", "8259 size", "nested_too_deeply", extended('"n\\"": ' + "[" * 9 + "]" * 9))
CASES.add("header-open-brackets", "8259 size", "nested_too_deeply", lambda: signed(head=b"[" * 300))
