"""From the folder of an audit to what `refine apply --audit` does about it."""

from pathlib import Path
from typing import get_args

from refine.apply.files import file_sha256
from refine.apply.repair import IfWrong, Judge, Repair, Repaired
from refine.audit.result import LINES, SUMMARY
from refine.errors import InputError
from refine.files import read_json


def load_repair(folder: Path, if_wrong: str, repaired: str, trust: tuple[str, ...] = ()) -> Repair:
    """What ``--audit``, ``--if-wrong`` and ``--repair`` say together.

    Raises:
        InputError: If one of the flags is unknown, or there is no whole audit in ``folder``.
    """
    if if_wrong not in get_args(IfWrong):
        raise InputError(f"--if-wrong {if_wrong!r}: expected one of {', '.join(get_args(IfWrong))}")
    if repaired not in get_args(Repaired):
        raise InputError(f"--repair {repaired!r}: expected one of {', '.join(get_args(Repaired))}")
    digest = file_sha256(folder / LINES)
    if digest is None:
        raise InputError(f"{folder}: no {LINES} here; name the folder that `refine audit --output` wrote")
    return Repair(
        folder,
        load_judge(folder, trust),
        digest,
        "original" if if_wrong == "original" else "leave-out",
        "fail" if repaired == "fail" else "review",
        made_with(folder),
    )


def load_judge(folder: Path, trust: tuple[str, ...]) -> Judge:
    """The audit that `refine audit` left in a folder.

    Raises:
        InputError: If it is damaged.
    """
    from refine.audit.auditor import Auditor  # here, because it stands above what `apply` is made of

    return Auditor.load(folder, trust)


def made_with(folder: Path) -> dict[str, object]:
    """Flags of the run whose output was audited, as far as the audit recorded them."""
    try:
        flags = read_json(folder / SUMMARY, "")["provenance"]["flags"]
    except (InputError, KeyError, TypeError):  # what is damaged, `load_judge` has refused
        return {}
    return flags if isinstance(flags, dict) else {}
