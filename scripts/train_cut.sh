#!/usr/bin/env bash
# Trains CUT, or with RECIPE=fastcut FastCUT; its last line is the command that refines a dataset. Edit what is below, or add flags: they win.
#   bash scripts/train_cut.sh --steps 500
set -euo pipefail
SYNTHETIC=${SYNTHETIC:+$(realpath "$SYNTHETIC")}  # any tree of renders; empty: the bundled recipe below
REAL=${REAL:+$(realpath "$REAL")}                 # any tree of photos; goes with SYNTHETIC
cd "$(dirname "$0")/.."
DATASET=${DATASET:-datasets/traffic-lights.yaml}
RECIPE=${RECIPE:-cut}
RUN=${RUN:-$RECIPE}                 # written to checkpoints/$RUN
PRESET=${PRESET:-auto}              # small, medium, paper; auto: by device, images and --minutes
REFINE=${REFINE:-.venv/bin/refine}

flags=(
  -c "models/$RECIPE.yaml"
  --run "$RUN"
  --preset "$PRESET"
)
if [ -n "$SYNTHETIC" ]; then
  flags+=(--data.synthetic "$SYNTHETIC" --data.real "${REAL:?names a folder of photos}" --data.channels 3)
  flags+=(--data.layout images)
else
  flags+=(-c "$DATASET")
fi

"$REFINE" fit "${flags[@]}" "$@"
