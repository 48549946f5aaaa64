"""`refine audit`: are the labels still right?"""

import argparse
from pathlib import Path
from typing import Any

from refine.commands.flags import (
    command,
    device,
    layout,
    mapping,
    max_file_size,
    names,
    positive,
    real_layout,
    size,
    trust,
)
from refine.interrupts import FINISHED_KEPT, begin, finish


def add_audit(each: Any) -> None:
    """Flags of `refine audit`."""
    parser = command(
        each,
        "audit",
        run_audit,
        "are the labels still right? a certificate for each image",
        "Trains judges that never saw the image they judge, measures how often they reject benign changes and find "
        "planted harm, and gives each refined image a verdict: pass, review, fail or inconclusive. Writes audit.jsonl, "
        "audit.json, audit.html and the judges, for `refine apply --audit`. Exit code 1 if an image fails. Stopped, "
        "the same command goes on with the judges that were trained.",
        FINISHED_KEPT,
    )
    parser.add_argument("--synthetic", type=Path, metavar="DIR", help="labeled images before")
    parser.add_argument("--refined", type=Path, metavar="DIR", help="images after")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="for what the audit finds")
    parser.add_argument(
        "--decisions",
        type=Path,
        metavar="FILE",
        help="a person's verdicts, CSV with the columns key and verdict (pass, fail or unsure); alone with the "
        "--output of a finished audit, they are added to it without training",
    )
    parser.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="draw so many images at random within the verdicts (whole --groups, if given) and write sample.csv and "
        "sample.html for a person to answer; alone with the --output of a finished audit, without training",
    )
    parser.add_argument(
        "--judge",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a task model of yours to ask as well; may be given several times",
    )
    parser.add_argument(
        "--real-labeled", type=Path, metavar="DIR", help="labeled real images to train judges on as well"
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="what refined the images: also ask what comes back from them"
    )
    layout(parser)
    real_layout(parser)
    mapping(parser)
    parser.add_argument("--classes", type=names, metavar="A,B,…", help="only these, in this order (default: all)")
    parser.add_argument("--folds", type=positive, default=4, metavar="N", help="parts of the images (default: 4)")
    parser.add_argument("--steps", type=positive, metavar="N", help="of one judge's training (default: by the labels)")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="images a step (default: by the labels)")
    parser.add_argument(
        "--networks",
        nargs="+",
        default=[],
        metavar="NAME",
        help="task networks, such as lenet small-cnn (default: two)",
    )
    parser.add_argument(
        "--size",
        type=size,
        metavar="HxW",
        help="at which images are judged (default: theirs, at most 128 or, with places, 256)",
    )
    parser.add_argument(
        "--groups", metavar="SPEC", help="images that hang together: a CSV file key,group or a regular expression"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    device(parser)
    max_file_size(parser)
    trust(parser)


def run_audit(args: argparse.Namespace) -> int:
    """`refine audit`."""
    from refine.audit.options import AuditOptions
    from refine.audit.review import add_decisions, draw_sample
    from refine.audit.run import run_audit
    from refine.audit.summary import print_sample, print_summary
    from refine.errors import InputError

    begin()
    alone = args.synthetic is None and args.refined is None
    if alone and args.decisions is not None and args.sample is None:
        audit = add_decisions(args.output, args.decisions)
    elif alone and args.sample is not None and args.decisions is None:
        draw_sample(args.output, args.sample, args.seed, args.groups)
        print_sample(args.output)
        return 0
    elif args.synthetic is None or args.refined is None:
        raise InputError(
            "give --synthetic and --refined; or --decisions, or --sample, with the --output of a finished audit"
        )
    else:
        options = AuditOptions(
            layout=args.layout,
            real_layout=args.real_layout,
            mapping=args.mapping,
            classes=args.classes,
            folds=args.folds,
            steps=args.steps,
            batch_size=args.batch_size,
            networks=tuple(args.networks),
            size=args.size,
            groups=args.groups,
            judge=tuple(args.judge),
            real_labeled=args.real_labeled,
            checkpoint=args.checkpoint,
            decisions=args.decisions,
            sample=args.sample,
            seed=args.seed,
            device=args.device,
            trust=tuple(args.trust),
        )
        audit = run_audit(args.synthetic, args.refined, args.output, options)
    finish()
    print_summary(audit, args.output)
    if args.sample is not None:
        draw_sample(args.output, args.sample, args.seed)
        print_sample(args.output)
    return 1 if audit["counts"]["fail"] else 0
