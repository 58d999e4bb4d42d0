"""Work done in threads beside the scoring, a few jobs at most in memory; what goes wrong there ends the run."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

log = logging.getLogger(__name__)


class Background:
    """Runs jobs in the order in which they come; with one thread, one after the other.

    Args:
        name: of the threads, and in what is logged.
        threads: how many.
        waiting: jobs in memory at most; more have to wait.
    """

    def __init__(self, name: str, threads: int = 1, waiting: int = 4) -> None:
        self.name, self.threads, self.waiting = name, threads, waiting
        self.jobs: deque[Future[None]] = deque()
        self.pool: ThreadPoolExecutor | None = None

    def submit(self, job: Callable[[], None]) -> None:
        """Have a job done.

        Raises:
            Exception: of an earlier job; this one is done all the same.
        """
        if self.pool is None:
            self.pool = ThreadPoolExecutor(self.threads, thread_name_prefix=self.name)
        self.jobs.append(self.pool.submit(job))
        while self.jobs and (self.jobs[0].done() or len(self.jobs) > self.waiting):
            self.jobs.popleft().result()

    def wait(self) -> None:
        """Until all is done.

        Raises:
            Exception: of the first job that failed.
        """
        while self.jobs:
            self.jobs.popleft().result()

    def close(self) -> None:
        """Wait without raising, for when something else went wrong already, and end the threads."""
        while self.jobs:
            if (error := self.jobs.popleft().exception()) is not None:
                log.warning(f"{self.name}: {error}")
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None
