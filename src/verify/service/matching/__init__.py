"""How sure is sure: measure the scoring in use, try a change, see what would flip.

    labelled     pairs whose answer a person has given: the content's cases, clerical decisions
    evaluation   how the scoring judges them, cut-off by cut-off
    calibration  what the decisions say the shares m should be
    draft        a changed scoring content, as text
    flips        which labelled pairs and which past verdicts a draft would change
    tuning       the verbs: evaluate, threshold, calibrate, decide, revoke

Nothing here changes the scoring in use. A draft becomes content by review, like every content.
"""

from verify.service.matching.tuning import Matching

__all__ = ["Matching"]
