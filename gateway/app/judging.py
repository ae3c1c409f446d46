"""What judges sampled answers, joined: the desk, its judges, what they said, their canaries."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from gateway.control.unharmed import unharmed
from gateway.domain.errors import BadConfiguration, StoreUnavailable
from gateway.domain.service import Service
from gateway.evaluators.bench import Bench
from gateway.evaluators.canaries import Scores, Watch, read_canaries
from gateway.evaluators.desk import Desk, Ear, Given, Ports
from gateway.evaluators.evaluator import JudgeFailed
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.purse import Ledger
from gateway.evaluators.score_book import ScoreBook
from gateway.handoff.samples import Sample, Samples, Texts

_log: Final = logging.getLogger("sluicegate.judging")

CANARIES_EVERY_S: Final = 900.0
