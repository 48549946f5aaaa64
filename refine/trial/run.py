"""`refine try`: every method that fits, in minutes, on one pair of datasets."""

import io
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from refine import interrupts
from refine.devices import choose_device
from refine.errors import InputError, TrainingDiverged
from refine.files import first_missing, remove_made, require_output
from refine.json_files import read_typed, write_json
from refine.methods.checkpoint import load_translator
from refine.training.fit import Outcome, fit
from refine.training.sizing import MINUTES
from refine.trial import plan
from refine.trial.measure import DatasetPair, Measure, benchmark_labeled, open_pair, require_labeled, require_time
from refine.trial.options import TRIAL, TryOptions
from refine.trial.page import one_line, write_page
from refine.trial.result import (
    LOOK,
    MORE,
    PAGE,
    RESULT,
    TRAINING_FREE,
    Settings,
    Trial,
    Tried,
    Weighed,
    least_change,
    recommend,
)
from refine.trust import trusting

TASK_BATCH = 16
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
    trust: tuple[str, ...] = (),
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
        trust: Modules whose classes a layout's file may name.
        say: Takes each line for a person.

    Raises:
        InputError: If a dataset cannot be read or is too small, or the output holds something else.
    """
    options = TryOptions(
        synthetic=Path(synthetic),
        real=Path(real),
        output=Path(output),
        minutes=minutes,
        labeled_real=None if labeled_real is None else Path(labeled_real),
        layout=layouts[0],
        real_layout=layouts[1],
        mapping=mapping,
        classes=classes,
        device=device,
        trust=trust,
    )
    with trusting(trust):
        return run_trial(options, say)


def run_trial(options: TryOptions, say: Callable[[str], None] = print) -> Trial:
    """Do the same with options in hand; ``say`` takes each line for a person."""
    device, output = choose_device(options.device), options.output
    minutes = MINUTES[device.type] if options.minutes is None else options.minutes
    if not 0 < minutes < float("inf"):
        raise InputError(f"--minutes is {minutes:g}; expected more than 0")
    if options.labeled_real is not None and not options.labeled_real.is_dir():
        raise InputError(f"{options.labeled_real}: no such folder; name the labeled real images")
    fresh = first_missing(output)
    try:
        return _Trial(options, minutes, device, say).run()
    except InputError:  # refused before anything was tried: nothing is left behind
        if not (output / RESULT).exists() and fresh is not None:
            shutil.rmtree(output, ignore_errors=True)
            remove_made(output, fresh)
        raise


@dataclass
class _Trial:
    """One trial on its way."""

    options: TryOptions
    minutes: float
    device: torch.device
    say: Callable[[str], None]
    said: set[str] = field(default_factory=set)
    """Lines about the images that were passed on: every fit has them."""
    began: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    """Seconds of earlier calls."""

    def run(self) -> Trial:
        """Try all methods, and recommend one."""
        options, labeled_real = self.options, self.options.labeled_real
        options.require_apart()
        pair = open_pair(options)
        kind, n = pair.space.kind, {"synthetic": len(pair.synthetic.records), "real": len(pair.real.records)}
        if labeled_real is not None:
            require_labeled(labeled_real, options.classes, pair)
        before = self._before()
        require_output(options.output)
        write_json(self._settings(), options.output / TRIAL)  # before anything is trained that another trial may find
        self.spent = before["seconds"] if before else 0.0
        names = plan.methods(kind)
        self.say(
            f"{', '.join(names)}: {self.minutes:g} min in all, on {self.device.type}; "
            f"{n['synthetic']} synthetic, {n['real']} real images looked at"
        )
        if labeled_real is None and (hint := plan.labels_hint(pair)):
            self.say(hint)
        if before and before["methods"]:
            self.say(f"going on, tried before: {', '.join(before['methods'])}")
        elif hint := plan.time_hint(names, pair.size, self.device.type, self.minutes, labeled_real is not None):
            self.say(hint)
        measure = Measure(pair, self._task(pair, "judge", 1) if pair.space.is_labeled else None, self.device)
        nothing, plain = measure(None)
        trial: Trial = {
            "settings": self._settings(),
            "seconds": self.spent,
            "n": n,
            "kind": kind,
            "nothing": nothing,
            "floor": measure.floor,
            "methods": before["methods"] if before else {},
        }
        if measure.guessing < 1:
            trial["guessing"] = measure.guessing
        pictures: dict[str, list[Image.Image]] = {}
        unsaid = True

        def write() -> None:
            trial["seconds"] = self._seconds()
            write_json(trial, options.output / RESULT)
            write_page(options.output, trial, plain, measure.photos, pictures)

        for place, name in enumerate(names):
            earlier = trial["methods"].get(name)
            tried = earlier or self._tried(name, names[place:], pair, measure)
            if "checkpoint" in tried:
                try:
                    translator = load_translator(options.output / tried["checkpoint"]).to(self.device).eval()
                    if earlier and "measured" in earlier:
                        pictures[name] = measure.pictures(translator)
                    else:
                        tried["measured"], pictures[name] = measure(translator)
                except InputError as error:
                    tried["why"] = str(error)
            if earlier:  # the page of before stands until there is more to show
                continue
            trial["methods"][name] = tried
            write()
            for left in (options.output / "runs").glob(f"{name}*/*.ckpt"):
                left.unlink()
            self.say(one_line(name, tried, trial, unsaid))
            unsaid = unsaid and "measured" not in tried
            if not place:
                self.say(f"first pictures: {options.output / PAGE}")
        problem = ""
        if labeled_real is not None:
            every = trial["methods"].items()
            try:
                require_time(trial["methods"], pair, self.minutes)
                self.say("refining the synthetic images with every method, then training task models on each")
                refined = {name: options.output / tried["checkpoint"] for name, tried in every if "measured" in tried}
                trial["benchmark"] = benchmark_labeled(
                    refined, options, labeled_real, self.device.type, self.minutes, pair.real.median_size()
                )
            except InputError as error:  # what was tried stands, with a recommendation of its own
                problem = f"The labeled real images were not tested on: {error}"
        elif before and "benchmark" in before:
            trial["benchmark"] = before["benchmark"]
        benchmark = trial.get("benchmark")
        more = MORE if labeled_real is None else LOOK
        method, reasons = recommend(kind, nothing, trial["methods"], benchmark, measure.guessing, measure.floor, more)
        if benchmark is None:
            reasons += plan.short_trainings(trial)
        reasons += filter(None, [problem])
        chosen = plan.candidate(trial, method)
        apply = [plan.apply_command(options.output / trial["methods"][chosen]["checkpoint"], options)] if chosen else []
        flags = {} if chosen is None else plan.fit_flags(chosen, options, pair, self.device.type)
        if chosen is not None and "self_weight" in trial["methods"][chosen]:
            flags["model.self_weight"] = trial["methods"][chosen]["self_weight"]
        further = plan.further_commands(trial, method, options, flags)
        trial["recommendation"] = {
            "method": method,
            "reasons": reasons,
            "command": apply[0] if method else None,
            "next": further if method else [*further, *apply],
        }
        if method is None and chosen is not None and plan.loses_labels(trial, chosen):
            goes_on = [line for line in further if line.startswith("refine fit ")]
            trial["recommendation"]["loses_labels"] = [*goes_on, *apply]
        write()
        return trial

    def _settings(self) -> Settings:
        return {
            "synthetic": str(self.options.synthetic.resolve()),
            "real": str(self.options.real.resolve()),
            "minutes": self.minutes,
            "layouts": [self.options.layout, self.options.real_layout],
            "mapping": self.options.mapping,
            "classes": None if self.options.classes is None else list(self.options.classes),
            "device": self.device.type,
        }

    def _before(self) -> Trial | None:
        """Return the results of the same trial before it was stopped."""
        settings, file = self.options.output / TRIAL, self.options.output / RESULT
        begun = read_typed(settings, Settings, OTHER) if settings.is_file() else {}
        for name, value in self._settings().items() if begun else ():
            if begun.get(name) != value:
                raise InputError(
                    f"{self.options.output}: holds a trial with {name} {begun.get(name)}, not {value}; name another "
                    "--output, or remove the folder"
                )
        if not file.is_file():
            return None
        found = read_typed(file, Trial, OTHER)
        for name, tried in found["methods"].items():
            if "checkpoint" in tried and not (self.options.output / tried["checkpoint"]).is_file():
                raise InputError(
                    f"{self.options.output / tried['checkpoint']}: is missing ({name}); name another --output"
                )
        return found

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.began

    def _fit(self, name: str, run: str, flags: Mapping[str, Any], **time_flags: Any) -> Outcome:
        """One training, which goes on where it was stopped; what it prints is not for here."""
        with redirect_stdout(io.StringIO()) as said:
            outcome = fit(
                name,
                self.options.synthetic,
                self.options.real,
                run=run,
                folder=self.options.output / "runs",
                resume=True,
                settings={**flags, "trainer.devices": 1},
                **time_flags,
            )
        for line in said.getvalue().splitlines():
            if line.startswith("resumed at step"):
                self.say(f"{run}: {line.partition(',')[0]}")
            elif line not in self.said and line.startswith((f"{self.options.synthetic}: ", f"{self.options.real}: ")):
                self.said.add(line)
                self.say(line)
        interrupts.gracefully(None, interrupts.FINISHED_KEPT)  # the fit says how a fit goes on
        if outcome.exit_code:
            raise interrupts.Interrupted
        return outcome

    def _task(self, pair: DatasetPair, run: str, seed: int) -> Path:
        """A task model of the synthetic labels, at the size at which images are judged."""
        flags = {**plan.data_flags(self.options, pair, self.device.type), **plan.size_flags(pair)}
        flags |= {"data.batch_size": TASK_BATCH, "seed_everything": seed, "model.seed": seed, "data.seed": seed}
        folder = self.options.output / "runs" / run
        if not ((folder / "last.ckpt").is_file() and (folder / "done").is_file()):
            self._fit("task", run, flags, minutes=plan.TASK_PART * self.minutes)
            (folder / "done").touch()
        return folder / "last.ckpt"

    def _tried(self, name: str, left: list[str], pair: DatasetPair, measure: Measure) -> Tried:
        """Train one method; SimGAN with several λ where there is time, of which one is taken."""
        began = time.monotonic()
        flags = plan.fit_flags(name, self.options, pair, self.device.type)
        tried: Tried = {"seconds": 0.0}
        try:
            if name in TRAINING_FREE:
                outcome = self._fit(name, name, flags, steps=plan.FREE_STEPS)
            else:
                if name == "cycada":
                    self._task(pair, "f_S", 0)
                budget = plan.for_training(60 * self.minutes, self.options.labeled_real is not None)
                seconds = plan.share(name, left, max(1.0, budget - self._seconds()))
                if name == "simgan" and (weights := plan.self_weights(pair.size, self.device.type, seconds)):
                    outcome = self._weighed(weights, flags, seconds / 60, measure, tried)
                else:
                    outcome = self._fit(name, name, flags, minutes=seconds / 60)
        except (InputError, TrainingDiverged) as error:
            if name == TRAINING_FREE[0]:  # which takes all images that there are any methods for
                raise
            return {"seconds": time.monotonic() - began, "why": str(error)}
        kept = self.options.output / f"{name}.ckpt"
        shutil.copyfile(outcome.checkpoint, kept)
        return {**tried, "seconds": time.monotonic() - began, "steps": outcome.steps, "checkpoint": kept.name}

    def _weighed(
        self, weights: Sequence[float], flags: Mapping[str, Any], minutes: float, measure: Measure, tried: Tried
    ) -> Outcome:
        """Train SimGAN with each λ for a part of the time; ``tried`` is told what came of each, and which is taken."""
        outcomes: dict[float, Outcome] = {}
        weighed: list[Weighed] = []
        for weight in weights:
            own, part = {**flags, "model.self_weight": weight}, minutes / len(weights)
            outcomes[weight] = self._fit("simgan", f"simgan-{weight:g}", own, minutes=part)
            translator = load_translator(outcomes[weight].checkpoint).to(self.device).eval()
            weighed.append({"self_weight": weight, "measured": measure(translator)[0]})
        tried["weights"], tried["self_weight"] = weighed, least_change(weighed)["self_weight"]
        return outcomes[tried["self_weight"]]
