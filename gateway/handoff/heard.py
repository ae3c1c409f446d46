"""Which numbered messages of the workers were heard: a repeated one changes nothing."""


class Heard:
    """Knows the newest message of each worker, of one kind."""

    def __init__(self) -> None:
        self._newest: dict[int, tuple[int, int]] = {}

    def is_new(self, worker: int, pid: int, sequence: int) -> bool:
        """Note a message; whether it was not heard before. A new process begins anew."""
        known, newest = self._newest.get(worker, (0, 0))
        if pid == known and sequence <= newest:
            return False
        self._newest[worker] = (pid, sequence)
        return True
