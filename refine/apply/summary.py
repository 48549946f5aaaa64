"""What one run of `apply` did."""

from typing import NamedTuple

from refine.apply.files import MANIFEST, shown
from refine.apply.manifest import Entry

SHOWN = 40


class ApplySummary(NamedTuple):
    """Counts of files, and what failed."""

    done: int
    """Images refined in this run."""
    kept: int
    """Images that an earlier run had refined, and that still stand."""
    failed: int
    """Files and links that were listed with a reason and not written."""
    carried: int
    """Files copied byte for byte and links made again, in this run or before."""
    failures: list[Entry]
    """The failed ones, sorted by key, each with its reason."""
    note: str = ""
    """Which layout `auto` took, and why."""

    @property
    def exit_code(self) -> int:
        """0: all done; 3: some files failed."""
        return 3 if self.failed else 0

    def text(self) -> str:
        """Some lines for people."""
        kept = f" ({self.kept} more stood from before)" if self.kept else ""
        lines = [self.note] if self.note else []
        lines += [f"refined {_count(self.done, 'image')}{kept}, carried {_count(self.carried, 'file')}"]
        if self.failures:
            lines.append(f"{self.failed} not written:")
            lines += [f"  {shown(entry['key'])}: {entry['reason']}" for entry in self.failures[:SHOWN]]
            if self.failed > SHOWN:
                lines.append(f"  … and {self.failed - SHOWN} more, all in {MANIFEST}")
        return "\n".join(lines)


def summarize(entries: list[Entry], kept: set[str]) -> ApplySummary:
    """Count a finished manifest.

    Args:
        entries: All of its lines.
        kept: Keys that stood before this run.
    """
    failures = sorted((entry for entry in entries if entry["status"] == "failed"), key=lambda entry: entry["key"])
    done = [entry for entry in entries if entry["status"] == "done"]
    images = {entry["key"]: entry.get("images", 1) for entry in done if entry["kind"] in {"image", "container"}}
    carried = sum(entry["kind"] in {"carried", "link"} for entry in done)
    stood = sum(images[key] for key in images.keys() & kept)
    return ApplySummary(sum(images.values()) - stood, stood, len(failures), carried, failures)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
