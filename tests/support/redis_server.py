"""A real Redis with TLS on loopback."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from tests.support import debian
from tests.support.certificates import Authority
from tests.support.controlplane import process
from tests.support.ports import free_port
from tests.support.waiting import until

_ADMIN, _ADMIN_PASSWORD = "admin", "canary-of-the-redis-administrator"


class RedisServer:
    """Starts on entering, is gone after leaving.

    Args:
        password: of the default user; empty: it needs none.
    """

    def __init__(self, authority: Authority, password: str, *, tls: bool = True) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="novacron-redis-"))
        self._log = self._home / "log"
        self._ca = authority.write(self._home)
        certificate, key = authority.server(self._home)
        self.port = free_port()
        self.ca = authority.pem
        secured = [
            "port 0",
            f"tls-port {self.port}",
            f"tls-cert-file {certificate}",
            f"tls-key-file {key}",
            f"tls-ca-cert-file {self._ca}",
            "tls-auth-clients no",
        ]
        lines = [
            "bind 127.0.0.1 127.0.0.2",
            *(secured if tls else [f"port {self.port}"]),
            'save ""',
            f"dir {self._home}",
            f"user {_ADMIN} on >{_ADMIN_PASSWORD} ~* &* +@all",
            f"user default on {'>' + password if password else 'nopass'} ~* &* +@all",
        ]
        self._tls = tls
        self._config = self._home / "redis.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        return self.start()

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._home)

    def start(self) -> RedisServer:
        """Returns when it answers."""
        root = debian.unpacked("redis-tools", "redis-server")
        program = root / "usr" / "bin" / "redis-server"
        command = ["env", f"LD_LIBRARY_PATH={debian.libraries(root)}", str(program), str(self._config)]
        self._process = process.start(command, self._log, detached=False)
        until(self._answers, f"Redis answers\n{process.last_lines(self._log)}", 30)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def command(self, *words: str) -> Any:
        """The answer to a command of the administrator."""
        with self._admin() as client:
            return client.execute_command(*words)

    def _admin(self) -> redis.Redis:
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            username=_ADMIN,
            password=_ADMIN_PASSWORD,
            ssl=self._tls,
            ssl_ca_certs=str(self._ca),
            socket_timeout=5,
            decode_responses=True,
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, process.last_lines(self._log)
        try:
            return bool(self.command("PING"))
        except redis.RedisError as error:
            raise AssertionError(str(error)) from error
