"""What judges sampled answers, joined: the desk, its judges, what they said, their canaries."""

import logging
from typing import Final

_log: Final = logging.getLogger("sluicegate.judging")

CANARIES_EVERY_S: Final = 900.0
