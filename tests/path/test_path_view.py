"""What a caller sees of a check is of one moment, however busily it is worked on."""

from __future__ import annotations

import threading

from support.live import household
from verify.domain.access import LOCAL
from verify.service.intake import ApplicationIn


def test_whoever_sees_the_final_verdict_sees_the_check_completed(live):
    """Looked at without pause while twelve checks go from accepted to decided."""
    views = live.system.verifications
    application = ApplicationIn.model_validate(household("01").application)
    torn, done = [], []

    def look(verification: str) -> None:
        while True:
            seen = views.view(verification, LOCAL)
            final = seen["verdict"] is not None and seen["verdict"]["final"]
            if final != (seen["state"] == "completed"):
                torn.append((seen["state"], final))
            if final:
                done.append(verification)
                return

    for _ in range(12):
        accepted = views.submit(application, LOCAL)
        watcher = threading.Thread(target=look, args=(accepted.id,), daemon=True)
        watcher.start()
        watcher.join(60)
    assert len(done) == 12
    assert torn == []
