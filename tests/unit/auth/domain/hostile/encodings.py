"""Forms other than a compact JWS: RFC 7515, RFC 8725 sections 2.3, 2.4, 2.6, 3.3, 3.6, 3.7; and sizes."""

from __future__ import annotations

import json
import zlib
from functools import partial

from novacron.auth.domain.jws import MAX_HEADER, MAX_TOKEN
from tests.support.tokens import (
    claims,
    encoded,
    header,
    parts,
    signed,
    signed_text,
)
from tests.unit.auth.domain.hostile.case import Cases

CASES = Cases()


def _jwe() -> bytes:
    head = encoded(header(alg="RSA-OAEP-256", enc="A256GCM"))
    return b".".join([head, encoded(b"k" * 256), encoded(b"i" * 12), encoded(json.dumps(claims()).encode()), b"AAAA"])


def _in_encoding(encoding: str) -> bytes:
    return signed(json.dumps(claims()).encode(encoding))


def _padded(part: int, padding_text: bytes) -> bytes:
    found = list(parts(signed()))
    found[part] += padding_text
    return b".".join(found)


def _unused_bits(part: int) -> bytes:
    """Another last character with the same bytes: Python's own decoder takes both. Payload and header are signed so."""
    payload = encoded(claims())
    while len(payload) % 4 == 0:
        payload = encoded(claims(jti="x" * len(payload)))
    head = encoded(header())
    if len(head) % 4 == 0:
        head = encoded(json.dumps(header()).encode() + b" ")
    pieces = [head, payload]
    if part < 2:
        pieces[part] = _other_end(pieces[part])
        return signed_text(b".".join(pieces))
    token = signed_text(b".".join(pieces))
    return token[:-1] + _other_end(token)[-1:]


def _other_end(text: bytes) -> bytes:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + bytes([alphabet[alphabet.index(text[-1]) + 1]])


def _standard_alphabet() -> bytes:
    """The signature in plain base64; one that has a character of the two that differ."""
    number = 0
    while not {45, 95} & set(token := signed(claims(jti=f"number-{number}"))):
        number += 1
    return token.translate(bytes.maketrans(b"-_", b"+/"))


def _large(size: int) -> bytes:
    """Rightly signed and exactly so long, or a little less."""
    short = signed(claims(note=""))
    return signed(claims(note="x" * ((size - len(short)) * 3 // 4)))


# RFC 8725 2.3, 2.4, 2.5, 2.6, 3.3, 3.6: encryption, compression, nesting, encodings

CASES.add("jwe", "8725-2.3", "not_compact", _jwe)
CASES.add(
    "jwe-elliptic", "8725-2.5", "header_member_refused", lambda: signed(head=header(alg="ECDH-ES", enc="A128GCM"))
)
CASES.with_header(
    "header_member_refused",
    "8725-2.4 8725-3.6",
    zip_def={"zip": "DEF"},
    zip_unknown={"zip": "GZ"},
    password_iterations={"alg": "PBES2-HS256+A128KW", "p2c": 2**31 - 1, "p2s": "AAAA"},
)
CASES.add(
    "payload-compressed",
    "8725-2.4 8725-3.6",
    "not_utf8",
    lambda: signed(zlib.compress(json.dumps(claims()).encode())),
)
CASES.add(
    "nested",
    "8725-2.3 8725-3.3",
    "not_json",
    lambda: signed(signed(), header()),
)
CASES.add(
    "json-serialization", "7515", "bad_character", lambda: json.dumps({"payload": "e30", "signatures": []}).encode()
)
for _encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
    CASES.add(
        f"payload-{_encoding}",
        "8725-2.6 8725-3.7",
        "not_utf8" if _encoding in ("utf-16", "utf-32") else "not_json",
        partial(_in_encoding, _encoding),
    )
CASES.add("header-utf-16", "8725-2.6 8725-3.7", "not_utf8", lambda: signed(head=json.dumps(header()).encode("utf-16")))
CASES.add(
    "payload-latin-1", "8725-3.7", "not_utf8", lambda: signed(json.dumps(claims()).encode()[:-1] + b',"n":"\xe9"}')
)
CASES.add(
    "payload-overlong", "8725-3.7", "not_utf8", lambda: signed(json.dumps(claims()).encode()[:-1] + b',"\xc0\xaf":1}')
)
CASES.add(
    "payload-encoded-surrogate",
    "8725-3.7",
    "not_utf8",
    lambda: signed(json.dumps(claims()).encode()[:-1] + b',"n":"\xed\xa0\x80"}'),
)
CASES.add("payload-bom", "8725-2.6", "byte_order_mark", lambda: signed(b"\xef\xbb\xbf" + json.dumps(claims()).encode()))
CASES.add(
    "header-bom", "8725-2.6", "byte_order_mark", lambda: signed(head=b"\xef\xbb\xbf" + json.dumps(header()).encode())
)

# RFC 7515: form and base64url

CASES.add("empty", "7515", "not_compact", lambda: b"")
CASES.add("dots-only", "7515", "not_json", lambda: b"..")
CASES.add("one-part", "7515", "not_compact", lambda: parts(signed())[0])
CASES.add("two-parts", "7515", "not_compact", lambda: signed().rpartition(b".")[0])
CASES.add("four-parts", "7515", "not_compact", lambda: signed() + b".")
CASES.add("header-empty", "7515", "not_json", lambda: b"." + b".".join(parts(signed())[1:]))
CASES.add("payload-empty", "7515", "not_json", lambda: signed(b""))
CASES.add("payload-detached", "7515", "signature_invalid", lambda: b"..".join(parts(signed())[::2]))
for _place, _part in enumerate(("header", "payload", "signature")):
    for _padding in (b"=", b"=="):
        CASES.add(
            f"{_part}-padded-{len(_padding)}",
            "7515",
            "bad_character",
            partial(_padded, _place, _padding),
        )
    CASES.add(f"{_part}-unused-bits", "7515", "not_canonical", partial(_unused_bits, _place))
CASES.add("header-one-character-more", "7515", "not_canonical", lambda: b"A.e30.AAAA")
CASES.add("standard-alphabet", "7515", "bad_character", _standard_alphabet)
CASES.add("blank-before", "7515", "bad_character", lambda: b" " + signed())
CASES.add("blank-after", "7515", "bad_character", lambda: signed() + b" ")
CASES.add("line-feed-after", "7515", "bad_character", lambda: signed() + b"\n")
CASES.add("carriage-return-after", "7515", "bad_character", lambda: signed() + b"\r")
CASES.add("line-inside", "7515", "bad_character", lambda: signed()[:40] + b"\r\n" + signed()[40:])
CASES.add("nul-after", "7515", "bad_character", lambda: signed() + b"\0")
CASES.add("quoted", "7515", "bad_character", lambda: b'"' + signed() + b'"')
CASES.add("with-scheme", "7515", "bad_character", lambda: b"Bearer " + signed())
CASES.add("percent-encoded", "7515", "bad_character", lambda: signed().replace(b".", b"%2E"))
CASES.add("not-utf-8", "7515", "bad_character", lambda: signed()[:50] + b"\xff\xfe" + signed()[50:])
CASES.add("wide-dots", "7515", "bad_character", lambda: signed().replace(b".", "。".encode()))
CASES.add("two-tokens", "7515", "bad_character", lambda: signed() + b"," + signed())
CASES.add("refresh-token", "8725-3.12", "not_compact", lambda: encoded(b"r" * 32))

# Sizes

CASES.add("one-byte-too-long", "size", "too_large", lambda: (t := _large(MAX_TOKEN)) + b"A" * (MAX_TOKEN + 1 - len(t)))
CASES.add("a-megabyte", "size", "too_large", lambda: b"A" * 2**20)
CASES.add("a-megabyte-of-dots", "size", "too_large", lambda: b"." * 2**20)
CASES.add("6-kib-of-letters", "size", "not_compact", lambda: b"A" * MAX_TOKEN)
CASES.add("6-kib-of-dots", "size", "not_compact", lambda: b"." * MAX_TOKEN)
CASES.add("header-of-6-kib", "size", "header_too_large", lambda: b"A" * (MAX_TOKEN - 6) + b".AAAA.")
CASES.add("header-too-large", "size", "header_too_large", lambda: signed(head=header(kid="k" * MAX_HEADER)))
CASES.add("payload-of-6-kib", "size", "signature_length", lambda: encoded(header()) + b"." + b"A" * 5000 + b".")
