"""What one run of `apply` did."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from refine.apply.files import MANIFEST, shown
from refine.apply.manifest import LEFT_OUT, Entry, is_original

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
    weakened: Mapping[float, int] = MappingProxyType({})
    """Of the refined images, those that an audit let pass with less of the change, by the share that they have."""
    originals: int = 0
    """Images that are the input's own files because an audit says no to them at any strength."""
    left_out: int = 0
    """Images that are not there for the same reason."""
    labels_left_out: int = 0
    """Label files that went with them."""
    unsettled: Mapping[str, int] = MappingProxyType({})
    """Images that stand as they were refined though the audit does not say pass, by its verdict."""
    shared: Sequence[str] = ()
    """Keys of carried files that hold labels of images that are left out, and of others."""
    labels_known: bool = True
    """Whether anybody knew which files are whose labels, where images are left out."""

    @property
    def exit_code(self) -> int:
        """0: all done; 3: some files failed."""
        return 3 if self.failed else 0

    def text(self) -> str:
        """Some lines for people."""
        kept = f" ({self.kept} more stood from before)" if self.kept else ""
        lines = [self.note] if self.note else []
        lines += [f"refined {_count(self.done, 'image')}{kept}, carried {_count(self.carried, 'file')}"]
        lines += self._about_the_audit()
        if self.failures:
            lines.append(f"{self.failed} not written:")
            lines += [f"  {shown(entry['key'])}: {entry['reason']}" for entry in self.failures[:SHOWN]]
            if self.failed > SHOWN:
                lines.append(f"  … and {self.failed - SHOWN} more, all in {MANIFEST}")
        return "\n".join(lines)

    def _about_the_audit(self) -> list[str]:
        told = []
        if self.weakened:
            by = ", ".join(f"{strength:g}: {count}" for strength, count in sorted(self.weakened.items(), reverse=True))
            told.append(f"{_count(sum(self.weakened.values()), 'image')} at less strength ({by})")
        if self.originals:
            told.append(f"{_count(self.originals, 'image')} kept as in the input")
        if self.left_out:
            with_labels = f" with {_count(self.labels_left_out, 'label file')}" if self.labels_left_out else ""
            told.append(f"{_count(self.left_out, 'image')} left out{with_labels}")
        lines = [f"after the audit: {', '.join(told)}"] if told else []
        if self.unsettled:
            by = ", ".join(f"{verdict}: {count}" for verdict, count in sorted(self.unsettled.items()))
            lines.append(f"refined in full though the audit does not say pass ({by})")
        if self.left_out and not self.labels_known:
            lines.append("no layout tells whose label a file is: those of images that are left out were carried")
        if self.shared:
            more = f" and {len(self.shared) - 3} more" if len(self.shared) > 3 else ""
            named = ", ".join(shown(key) for key in self.shared[:3])
            lines.append(f"carried, though labels of images that are left out stand in it: {named}{more}")
        return lines


def summarize(entries: list[Entry], kept: set[str]) -> ApplySummary:
    """Count a finished manifest.

    Args:
        entries: All of its lines.
        kept: Keys that stood before this run.
    """
    failures = sorted((entry for entry in entries if entry["status"] == "failed"), key=lambda entry: entry["key"])
    done = [entry for entry in entries if entry["status"] == "done"]
    originals = sum(map(is_original, done))
    refined = [entry for entry in done if entry["kind"] in {"image", "container"} and not is_original(entry)]
    images = {entry["key"]: entry.get("images", 1) for entry in refined}
    carried = sum(entry["kind"] in {"carried", "link"} for entry in done)
    stood = sum(images[key] for key in images.keys() & kept)
    audited = [entry["audit"] for entry in refined if "audit" in entry]
    return ApplySummary(
        sum(images.values()) - stood,
        stood,
        len(failures),
        carried,
        failures,
        weakened=Counter(audit["strength"] for audit in audited if audit["strength"] < 1),
        originals=originals,
        left_out=sum(entry["kind"] == "image" and entry["status"] == LEFT_OUT for entry in entries),
        labels_left_out=sum(entry["kind"] == "carried" and entry["status"] == LEFT_OUT for entry in entries),
        unsettled=Counter(audit["verdict"] for audit in audited if audit["after"] != "pass"),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
