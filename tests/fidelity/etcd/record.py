"""Record what a real etcd answers: `python -m tests.fidelity.etcd.record [COUNT]`, where there is one."""

import gzip
import json
import sys
import tempfile
from pathlib import Path

from tests.fidelity.etcd import real
from tests.fidelity.etcd.programs import program

ANSWERS = Path(__file__).parent / "answers.jsonl.gz"


def main(count=40):
    path = real.program()
    if path is None:
        sys.exit("no etcd on the path, and none in $ETCD")
    with tempfile.TemporaryDirectory() as folder, real.started(path, Path(folder)) as etcd:
        rows = [{"seed": seed, "answers": real.answers(etcd, seed, program(seed))} for seed in range(1, count + 1)]
    text = "".join([json.dumps(row, separators=(",", ":")) + "\n" for row in rows])
    ANSWERS.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
