"""A real PostgreSQL with TLS on loopback: started, stopped and asked by its administrator."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import psycopg

from tests.support import debian
from tests.support.certificates import Authority
from tests.support.controlplane import process
from tests.support.ports import free_port
from tests.support.waiting import until

ADMIN_PASSWORD = "canary-of-the-administrator"
_USER = "nobody"
"""Who runs it where we are root, which PostgreSQL refuses to be."""
_SETTINGS = {
    "listen_addresses": "'127.0.0.1, 127.0.0.2'",
    "unix_socket_directories": "''",
    "ssl": "on",
    "fsync": "off",
    "jit": "off",
    "max_connections": "40",
    "superuser_reserved_connections": "5",
    "shared_buffers": "16MB",
    "log_connections": "on",
}
_ACCESS = "hostssl all all 127.0.0.0/8 scram-sha-256\nhostnossl all all 127.0.0.0/8 reject\n"


class Postgres:
    """Starts on entering, is gone after leaving, with its data."""

    def __init__(self, authority: Authority, *names: str) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="novacron-postgres-", dir="/tmp"))
        self._home.chmod(0o755)
        self._programs, self._libraries = _programs(self._home)
        self._data = self._home / "data"
        self._log = self._home / "log"
        self.port = free_port()
        self.ca = authority.pem
        self._authority = authority.write(self._home)
        self._certificate, self._key = authority.server(self._home, *names)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Postgres:
        self._data.mkdir(mode=0o700)
        password = self._home / "password"
        password.write_text(ADMIN_PASSWORD)
        if os.geteuid() == 0:
            for path in (self._data, password, self._authority, self._certificate, self._key):
                shutil.chown(path, _USER)
        self._run(
            "initdb",
            "-D",
            str(self._data),
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--pwfile",
            str(password),
        )
        files = {
            "ssl_ca_file": f"'{self._authority}'",
            "ssl_cert_file": f"'{self._certificate}'",
            "ssl_key_file": f"'{self._key}'",
            "port": str(self.port),
        }
        lines = "".join(f"{name} = {value}\n" for name, value in (_SETTINGS | files).items())
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(lines)
        (self._data / "pg_hba.conf").write_text(_ACCESS)
        return self.start()

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._home)

    def start(self) -> Postgres:
        """Returns when it answers."""
        self._process = process.start(self._command("postgres", "-D", str(self._data)), self._log, detached=False)
        until(self._answers, f"PostgreSQL answers\n{process.last_lines(self._log)}", 30)
        return self

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: sessions are cut, data is written; SIGQUIT: as in a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def demote(self) -> None:
        """Started anew as a standby of nobody: it answers, and takes no changes."""
        self.stop()
        (self._data / "standby.signal").touch()
        self.start()

    def promote(self) -> None:
        """Started anew as what it was."""
        self.stop()
        (self._data / "standby.signal").unlink()
        self.start()

    def freeze(self) -> None:
        """All of its processes stand still."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        main = psutil.Process(self._process.pid)
        main.send_signal(number)  # the first: when it stands still, it starts no more of them
        for child in main.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # a session that ended, and that the first one has seen to
                child.send_signal(number)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement of the administrator."""
        with self._admin() as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def allow(self, line: str) -> None:
        """A rule of pg_hba.conf before all others."""
        path = self._data / "pg_hba.conf"
        path.write_text(f"{line}\n{path.read_text()}")
        self.sql("SELECT pg_reload_conf()")

    def sessions(self, user: str) -> int:
        """Connections of a user."""
        return int(self.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", user)[0][0])

    def _admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname="postgres",
            user="postgres",
            password=ADMIN_PASSWORD,
            connect_timeout=5,
            autocommit=True,
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, process.last_lines(self._log)
        try:
            self._admin().close()
        except psycopg.OperationalError as error:
            raise AssertionError(str(error)) from error
        return True

    def _command(self, program: str, *arguments: str) -> list[str]:
        found = ["env", f"LD_LIBRARY_PATH={self._libraries}", "LC_ALL=C", str(self._programs / program), *arguments]
        if os.geteuid() != 0:
            return found
        return ["setpriv", f"--reuid={_USER}", "--regid=nogroup", "--clear-groups", "--pdeathsig=KILL", *found]

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = self._command(program, *arguments)
        done = subprocess.run(command, cwd=self._home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _programs(home: Path) -> tuple[Path, str]:
    """The folder of its programs, which another user can reach too, and its libraries."""
    package = debian.newest("postgresql", r"postgresql-\d+")
    root, version = debian.unpacked(package), package.rpartition("-")[2]
    if os.geteuid() == 0:  # the cache of root is closed to others
        copied = home / "programs"
        shutil.copytree(root, copied, symlinks=True, ignore=shutil.ignore_patterns("bitcode", "doc", "locale", "man"))
        root = copied
    return root / "usr" / "lib" / "postgresql" / version / "bin", debian.libraries(root)
