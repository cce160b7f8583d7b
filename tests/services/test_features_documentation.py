"""docs/ml.md does what it says: its commands on a pod of ml, and the answer that it shows."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

from tests.support import documented
from tests.support.ml_pods import MlPod

PAGE = Path(__file__).parents[2] / "docs" / "ml.md"
FILES = {
    "samples.jsonl": b"".join(
        b'{"cpu": %s, "zone": "%s"}\n' % row for row in ((b"1", b"eu"), (b"2", b"eu"), (b"null", b"us"), (b"3", b"eu"))
    ),
    "samples.csv.gz": gzip.compress(b"cpu,zone\n1,eu\n2,eu\n,us\n3,eu\n"),
}


def test_its_commands_give_the_answer_that_it_shows(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    shown = json.loads(block)
    answers: dict[str, Any] = {}
    with MlPod(tmp_path / "ml") as pod:
        for words in documented.commands(PAGE, "curl"):
            request = documented.Request.parsed(documented.filled(words, {"ML": "", "TOKEN": pod.token()}, {}))
            sent = FILES[request.upload]
            answer = pod.process.ask(request.path, request.method, body=sent, **request.headers)
            assert answer.status == 200, answer
            answers[request.upload] = answer.json()
    assert answers == dict.fromkeys(FILES, shown)
