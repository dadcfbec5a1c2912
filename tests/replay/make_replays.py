"""Write the golden sealed replays anew: `PYTHONPATH=tests python tests/replay/make_replays.py`.

Only when a release is made: what an earlier one sealed stays as it is and is replayed for ever.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from support.live import ROOT, household, installation
from verify.domain.access import LOCAL

NUMBERS = ("01", "02", "03")


def main() -> None:
    target = ROOT / "fixtures" / "replays"
    with tempfile.TemporaryDirectory() as folder, installation(Path(folder)) as live:
        for number in NUMBERS:
            fixture = household(number)
            verification = live.check(fixture.application)
            live.system.notary.once()
            for _ in range(100):
                state = live.system.verifications.view(verification, LOCAL)["state"]
                if state == "completed":
                    break
                time.sleep(0.2)
            data = live.system.audits.export(verification, LOCAL)
            (target / f"{fixture.path.stem}.zip").write_bytes(data)
        keys = "".join(f"{key}\n" for key in live.system.audits.public_keys())
        (target / "keys.txt").write_text(keys, encoding="utf-8")


if __name__ == "__main__":
    main()
