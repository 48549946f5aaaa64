"""One image file: what was decided for it, encoded and under a temporary name, with its line of the manifest."""

from pathlib import Path

from refine.apply.codec import Levels, Picture, encode, mean_absolute_change
from refine.apply.files import hex_digest, why, write_temporary
from refine.apply.manifest import LEFT_OUT, Entry, failed
from refine.apply.plan import PlannedImage
from refine.apply.repair import Decision, Repair
from refine.apply.windows import UNFIT
from refine.apply.write import PERMISSIONS, Finished


class ImageJob:
    """Writes image files.

    Args:
        source: The dataset.
        output: Where the refined one goes.
        repair: What is done about an audit's verdicts, if there is one.
    """

    def __init__(self, source: Path, output: Path, repair: Repair | None) -> None:
        self.source, self.output, self.repair = source, output, repair

    def decide(self, image: PlannedImage, picture: Picture, color: Levels | None) -> Decision | str:
        """What to write, or why nothing can be. Not for several threads at once.

        Args:
            image: Which one.
            picture: The original.
            color: Refined levels; None where the network gave none.
        """
        if color is None:
            return UNFIT
        return Decision(color, None) if self.repair is None else self.repair(image.key, picture, color)

    def write(self, image: PlannedImage, picture: Picture, decision: Decision | str) -> Finished:
        """Write what was decided. What is wrong with one file becomes a line of the manifest.

        Raises:
            OSError: If it cannot be written; nothing is left of it then.
        """
        key, final = image.key, self.output / image.key
        if isinstance(decision, str):
            return Finished(failed(key, "image", decision), final)
        if decision.color is None and self.repair is not None and self.repair.leaves_out:
            return Finished(self._left_out(key, picture, decision), final)
        try:
            data, stored = self._file(picture, decision.color)
            permissions = (self.source / key).stat().st_mode & PERMISSIONS
        except Exception as error:  # whatever an encoder raises concerns this file alone
            return Finished(failed(key, "image", f"cannot be written back the same ({why(error)})"), final)
        temporary = write_temporary(final, data, permissions)
        entry: Entry = {
            "key": key,
            "kind": "image",
            "status": "done",
            "input_sha256": picture.sha256,
            "output_sha256": hex_digest(data),
            "width": picture.seen.width,
            "height": picture.seen.height,
            "mode": picture.seen.mode,
            "mean_absolute_change": mean_absolute_change(picture.color, stored),
        }
        if decision.audit is not None:
            entry["audit"] = decision.audit
        return Finished(entry, final, temporary)

    def _file(self, picture: Picture, color: Levels | None) -> tuple[bytes, Levels]:
        """The new file and the levels in it; without color the original."""
        return (picture.content, picture.color) if color is None else encode(picture, color)

    def _left_out(self, key: str, picture: Picture, decision: Decision) -> Entry:
        assert self.repair is not None
        assert decision.audit is not None
        return {
            "key": key,
            "kind": "image",
            "status": LEFT_OUT,
            "reason": self.repair.reason(key),
            "input_sha256": picture.sha256,
            "audit": decision.audit,
        }
