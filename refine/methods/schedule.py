"""The course of the learning rate of translators."""


def constant_then_linear(step: int, steps: int, constant: int) -> float:
    """The learning rate's factor at a training step: one at first, then linear to zero at the last step.

    Args:
        step: Counted from 0.
        steps: Training steps.
        constant: How many of them come before the fall. A number and no share: methods round their halves differently.

    Returns:
        0 to 1.

    Source:
        CycleGAN, arXiv 1703.10593, section 4.
    """
    return max(0.0, 1.0 - max(0, step - constant) / max(1, steps - constant))
