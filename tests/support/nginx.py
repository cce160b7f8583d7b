"""A real nginx on loopback with the http block that it is given."""

from __future__ import annotations

import http.client
import os
import subprocess
from pathlib import Path
from types import TracebackType

from tests.support import debian
from tests.support.controlplane import process
from tests.support.waiting import until

_CONFIGURATION = """
daemon off;
master_process off;
error_log {home}/error.log notice;
pid {home}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {content}
}}
"""


class Nginx:
    """Starts on entering, is gone after leaving.

    Args:
        home: a folder of its own.
        content: of the http block; it listens on ``port``.
    """

    def __init__(self, home: Path, port: int, content: str) -> None:
        self._home, self._port = home, port
        self._config = home / "nginx.conf"
        self._config.write_text(_CONFIGURATION.format(home=home, content=content))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Nginx:
        root = debian.unpacked("nginx")
        command = ["env", f"LD_LIBRARY_PATH={debian.libraries(root)}", str(root / "usr" / "sbin" / "nginx")]
        command += ["-e", str(self._home / "error.log"), "-c", str(self._config)]
        self._process = process.start(command, self._home / "log", detached=False)
        until(self._answers, f"nginx answers\n{process.last_lines(self._home / 'log')}", 20)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, process.last_lines(self._home / "log") + os.linesep
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            line.request("GET", "/")
            return line.getresponse().status > 0
        except OSError as error:
            raise AssertionError(str(error)) from error
        finally:
            line.close()
