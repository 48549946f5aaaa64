"""Errors at the boundary with users. The command line prints the message alone, on one line."""


class InputError(ValueError):
    """Bad usage or input: names the file, what was found and what to do. Exit code 2."""


class UnreadableImage(InputError):
    """The content of a file is not that of an image, or ends before its last pixel."""


class TrainingDiverged(FloatingPointError):
    """A loss or a weight became NaN or infinite. Exit code 1."""


class DiskFull(OSError):
    """No space left: what was finished stands, and the same command goes on. Exit code 3."""


NO_TASK = (
    "CyCADA needs a task model that was trained on the synthetic labels: give --model.task FILE "
    "(refine fit -c models/task.yaml writes one)"
)
