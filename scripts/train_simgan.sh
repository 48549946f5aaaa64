#!/usr/bin/env bash
# Trains a SimGAN refiner; its last line is the command that refines a dataset. Edit what is below, or add flags: they win.
#   bash scripts/train_simgan.sh --steps 500
set -euo pipefail
SYNTHETIC=${SYNTHETIC:+$(realpath "$SYNTHETIC")}  # a folder of class folders; empty: the bundled recipe below
REAL=${REAL:+$(realpath "$REAL")}                 # any tree of photos; goes with SYNTHETIC
cd "$(dirname "$0")/.."
DATASET=${DATASET:-datasets/digits.yaml}
RUN=${RUN:-simgan}                  # written to checkpoints/$RUN
PRESET=${PRESET:-auto}              # small, medium, paper; auto: by device, images and --minutes
REFINE=${REFINE:-.venv/bin/refine}

flags=(
  -c models/simgan.yaml
  --run "$RUN"
  --preset "$PRESET"
  --model.self-weight 0.1           # heavier: images move less
  --model.feature-map identity      # or derivatives, channel_mean, network
)
if [ -n "$SYNTHETIC" ]; then
  flags+=(--data.synthetic "$SYNTHETIC" --data.real "${REAL:?names a folder of photos}" --data.channels 3)
else
  flags+=(-c "$DATASET")
fi

"$REFINE" fit "${flags[@]}" "$@"
