"""`refine try`: every method that fits, in minutes, on one pair of datasets."""

import io
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, cast

from PIL import Image

from refine import interrupts
from refine.devices import choose_device
from refine.errors import InputError, TrainingDiverged
from refine.files import first_missing, read_json, remove_made, require_output, write_json
from refine.methods.checkpoint import load_translator
from refine.training.fit import Outcome, fit
from refine.training.sizing import MINUTES
from refine.trial.choose import recommend
from refine.trial.labeled import benchmark_labeled, require_labeled
from refine.trial.measure import Case, Measure, open_case
from refine.trial.page import write_page
from refine.trial.plan import (
    FREE_STEPS,
    TASK_PART,
    TRAINING_FREE,
    for_training,
    methods,
    share,
)
from refine.trial.result import RESULT, Trial, Tried

TASK_BATCH = 16
SETTINGS = "settings.json"
OTHER = "holds another trial; name another --output"


def try_methods(
    synthetic: Path | str,
    real: Path | str,
    *,
    output: Path | str = "refine-try",
    minutes: float | None = None,
    labeled_real: Path | str | None = None,
    layouts: tuple[str, str] = ("auto", "auto"),
    mapping: str | None = None,
    classes: tuple[str, ...] | None = None,
    device: str = "auto",
    say: Callable[[str], None] = print,
) -> Trial:
    """Try every method that fits, for a fair part of the time each, and recommend one.

    Methods without training come first, then SimGAN, CycleGAN, CUT and, where there are labels of classes, masks or
    numbers, CyCADA; all in the size that the time allows for. A task model that is trained on the synthetic images
    judges how many labels are still found. The page is written anew after each method. A second call goes on where the
    first one stopped.

    Args:
        synthetic: Folder of the synthetic dataset.
        real: Folder of real images; labels there are never read.
        output: Folder for `try.html`, `try.json` and what the methods leave.
        minutes: Time for all of it, about; None: 10 on a CPU, more on a GPU.
        labeled_real: Labeled real images: then a task model is trained on what each method makes, and tested on them.
        layouts: How the synthetic and the real dataset lie.
        mapping: From the synthetic dataset's classes to others.
        classes: Only these synthetic classes, in this order.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        say: Takes each line for a person.

    Raises:
        InputError: If a dataset cannot be read or is too small, or the output holds something else.
    """
    return _Trial(
        Path(synthetic),
        Path(real),
        Path(output),
        minutes,
        None if labeled_real is None else Path(labeled_real),
        layouts,
        mapping,
        classes,
        device,
        say,
    ).run()


class _Trial:
    """One trial on its way."""

    def __init__(
        self,
        synthetic: Path,
        real: Path,
        output: Path,
        minutes: float | None,
        labeled_real: Path | None,
        layouts: tuple[str, str],
        mapping: str | None,
        classes: tuple[str, ...] | None,
        device: str,
        say: Callable[[str], None],
    ) -> None:
        self.synthetic, self.real, self.output, self.labeled_real = synthetic, real, output, labeled_real
        self.layouts, self.mapping, self.classes, self.say = layouts, mapping, classes, say
        self.device = choose_device(device)
        self.minutes = MINUTES[self.device.type] if minutes is None else minutes
        if not 0 < self.minutes < float("inf"):
            raise InputError(f"--minutes is {self.minutes:g}; expected more than 0")
        if labeled_real is not None and not labeled_real.is_dir():
            raise InputError(f"{labeled_real}: no such folder; name the labeled real images")
        self.began = time.monotonic()

    def run(self) -> Trial:
        """All of it. A trial that is refused before anything was tried leaves nothing behind."""
        fresh = first_missing(self.output)
        try:
            return self._run()
        except InputError:
            if not (self.output / RESULT).exists() and fresh is not None:
                shutil.rmtree(self.output, ignore_errors=True)
                remove_made(self.output, fresh)
            raise

    def _run(self) -> Trial:
        if self.synthetic.resolve() == self.real.resolve():
            raise InputError(f"{self.real}: is the synthetic dataset, too; name the folder of the real images")
        case = open_case(self.synthetic, self.real, self.layouts, self.mapping, self.classes)
        if self.labeled_real is not None:
            require_labeled(self.labeled_real, self.classes, case.space.kind)
        before = self._before()
        require_output(self.output)
        write_json(self._settings(), self.output / SETTINGS)  # before anything is trained that another trial may find
        self.spent = before["seconds"] if before else 0.0
        names = methods(case.space.kind)
        images = f"{len(case.synthetic.records)} synthetic, {len(case.real.records)} real images looked at"
        self.say(f"{', '.join(names)}: {self.minutes:g} min in all, on {self.device.type}; {images}")
        if before and before["methods"]:
            self.say(f"going on, tried before: {', '.join(before['methods'])}")
        judge = None if case.space.kind == "none" else self._task(case, "judge", 1)
        measure = Measure(case, judge, self.device)
        self.photos = measure.photos
        nothing, self.plain = measure(None)
        self.trial: Trial = {
            "settings": self._settings(),
            "seconds": self.spent,
            "n": {"synthetic": len(case.synthetic.records), "real": len(case.real.records)},
            "kind": case.space.kind,
            "nothing": nothing,
            "floor": measure.floor,
            "methods": before["methods"] if before else {},
        }
        self.pictures: dict[str, list[Image.Image]] = {}
        for place, name in enumerate(names):
            tried = self.trial["methods"].get(name)
            if tried is None:
                tried = self._tried(name, names[place:], case)
            self._measure(name, tried, measure)
            self.trial["methods"][name] = tried
            self._write()
            self.say(_line(name, tried, self.trial))
            if not place:
                self.say(f"first pictures: {self.output / 'try.html'}")
        if self.labeled_real is not None:
            checkpoints = {
                name: self.output / tried["checkpoint"]
                for name, tried in self.trial["methods"].items()
                if "measured" in tried
            }
            self.trial["benchmark"] = benchmark_labeled(
                checkpoints,
                self.synthetic,
                self.labeled_real,
                self.output,
                classes=self.classes,
                layout=self.layouts[0],
                mapping=self.mapping,
                device=self.device.type,
                minutes=self.minutes,
            )
        method, reasons = recommend(
            case.space.kind, nothing, self.trial["methods"], self.trial.get("benchmark"), measure.guessing
        )
        command = None if method is None else self._apply_command(method)
        self.trial["recommendation"] = {"method": method, "reasons": reasons, "command": command}
        self._write()
        return self.trial

    def _settings(self) -> dict[str, object]:
        return {
            "synthetic": str(self.synthetic.resolve()),
            "real": str(self.real.resolve()),
            "minutes": self.minutes,
            "layouts": list(self.layouts),
            "mapping": self.mapping,
            "classes": None if self.classes is None else list(self.classes),
            "device": self.device.type,
        }

    def _before(self) -> Trial | None:
        """Return the results of the same trial before it was stopped."""
        for name, folder in (("synthetic", self.synthetic), ("real", self.real)):
            if self.output.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"{self.output}: lies in the {name} images {folder}; name another --output")
        settings, file = self.output / SETTINGS, self.output / RESULT
        begun = settings.is_file() and read_json(settings, OTHER)
        if begun and isinstance(begun, dict):
            for name, value in self._settings().items():
                if begun.get(name) != value:
                    raise InputError(
                        f"{self.output}: holds a trial with {name} {begun.get(name)}, not {value}; name another "
                        "--output, or remove the folder"
                    )
        elif self.output.is_dir() and any(self.output.iterdir()):
            raise InputError(f"{self.output}: {OTHER}")
        if not file.is_file():
            return None
        found = read_json(file, OTHER)
        if not isinstance(found, dict) or not {"methods", "seconds"} <= found.keys():
            raise InputError(f"{file}: {OTHER}")
        for name, tried in found["methods"].items():
            if "checkpoint" in tried and not (self.output / tried["checkpoint"]).is_file():
                raise InputError(f"{self.output / tried['checkpoint']}: is missing ({name}); name another --output")
        return cast(Trial, found)

    def _left(self) -> float:
        """Seconds that are left for training."""
        budget = for_training(60 * self.minutes, self.labeled_real is not None)
        return max(1.0, budget - self._seconds())

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.began

    def _data(self, case: Case) -> dict[str, Any]:
        """Flags of `refine fit` that say how the datasets lie."""
        found: dict[str, Any] = {"data.channels": case.channels, "device": self.device.type, "trainer.devices": 1}
        for name, value in (("layout", self.layouts[0]), ("real_layout", self.layouts[1]), ("mapping", self.mapping)):
            if value not in {"auto", None}:
                found[f"data.{name}"] = value
        if self.classes is not None:
            found["data.classes"] = list(self.classes)
        return found

    def _fit(self, name: str, run: str, flags: Mapping[str, Any], **time_flags: Any) -> Outcome:
        """One training, which goes on where it was stopped; what it prints is not for here."""
        with redirect_stdout(io.StringIO()) as said:
            outcome = fit(
                name,
                self.synthetic,
                self.real,
                run=run,
                folder=self.output / "runs",
                resume=True,
                settings=flags,
                **time_flags,
            )
        for line in said.getvalue().splitlines():
            if line.startswith("resumed at step"):
                self.say(f"{run}: {line}")
        interrupts.gracefully(None, interrupts.FINISHED_KEPT)  # the fit says how a fit goes on
        if outcome.exit_code:
            raise interrupts.Interrupted
        return outcome

    def _task(self, case: Case, run: str, seed: int) -> Path:
        """A task model of the synthetic labels, at the size at which images are judged."""
        size = {"data.crop": list(case.size)} if case.crops else {"data.resize": list(case.size)}
        flags = {**self._data(case), **size, "data.batch_size": TASK_BATCH, "seed_everything": seed}
        flags |= {"model.seed": seed, "data.seed": seed}
        done = self.output / "runs" / run / "last.ckpt"
        marker = self.output / "runs" / run / "done"
        if not (done.is_file() and marker.is_file()):
            self._fit("task", run, flags, minutes=TASK_PART * self.minutes)
            marker.touch()
        return done

    def _tried(self, name: str, left: list[str], case: Case) -> Tried:
        """Train one method."""
        began = time.monotonic()
        flags = self._data(case)
        try:
            if name in TRAINING_FREE:
                outcome = self._fit(name, name, flags, steps=FREE_STEPS)
            else:
                if name == "cycada":
                    flags |= {"model.task": str(self._task(case, "f_S", 0)), "model.semantic_weight": 0}
                    flags |= {"model.cycle_semantic_weight": 1}
                    flags |= {"data.crop": list(case.size)} if case.crops else {"data.resize": list(case.size)}
                outcome = self._fit(name, name, flags, minutes=share(name, left, self._left()) / 60)
        except (InputError, TrainingDiverged) as error:
            if name == TRAINING_FREE[0]:  # which takes all images that there are any methods for
                raise
            return {"seconds": time.monotonic() - began, "why": str(error)}
        kept = self.output / f"{name}.ckpt"
        shutil.copyfile(outcome.checkpoint, kept)
        return {"seconds": time.monotonic() - began, "steps": outcome.steps, "checkpoint": kept.name}

    def _measure(self, name: str, tried: Tried, measure: Measure) -> None:
        if "checkpoint" not in tried:
            return
        try:
            translator = load_translator(self.output / tried["checkpoint"]).to(self.device).eval()
            tried["measured"], self.pictures[name] = measure(translator)
        except InputError as error:
            tried["why"] = str(error)

    def _apply_command(self, method: str) -> str:
        checkpoint = self.output / self.trial["methods"][method]["checkpoint"]
        words = ["--checkpoint", str(checkpoint), "--input", str(self.synthetic), "--output", "refined"]
        words += [] if self.layouts[0] == "auto" else ["--layout", self.layouts[0]]
        return shlex.join(["refine", "apply", *words])

    def _write(self) -> None:
        self.trial["seconds"] = self._seconds()
        write_json(self.trial, self.output / RESULT)
        write_page(self.output, self.trial, self.plain, self.photos, self.pictures)


def _line(name: str, tried: Tried, trial: Trial) -> str:
    """One method in a line."""
    measured = tried.get("measured")
    if measured is None:
        return f"{name}: not tried ({tried.get('why', 'no reason')})"
    parts = [f"distance {measured['distance']:.0f} (doing nothing {trial['nothing']['distance']:.0f})"]
    if "label_error" in measured:
        parts.append(f"{100 * (1 - measured['label_error']['value']):.0f} % of labels found by the judge")
    parts.append(f"{tried['seconds']:.0f} s")
    return f"{name}: {', '.join(parts)}"
