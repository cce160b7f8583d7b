"""Passwords and secrets that are made up: long enough, acceptable, and each another one."""

from __future__ import annotations

import base64
import hashlib

from novacron.auth.domain import password
from novacron.auth.service import one_time


def test_a_password_is_one_that_may_be_chosen() -> None:
    made = {one_time.password_for("ada@example.org") for _ in range(100)}
    assert len(made) == 100
    for one in made:
        assert password.checked(one, "ada@example.org") == one


def test_a_secret_has_256_bits_and_a_prefix() -> None:
    secret = one_time.secret()
    assert secret.startswith("ncs_")
    assert len(base64.urlsafe_b64decode(secret.removeprefix("ncs_") + "=")) == 32
    assert one_time.secret() != secret
    assert one_time.digest(secret) == hashlib.sha256(secret.encode()).digest()
