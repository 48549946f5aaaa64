#!/usr/bin/env bash
# Trains CUT, or with RECIPE=fastcut FastCUT, and refines a dataset with it. Edit what is below, or add flags: they win.
#   bash scripts/train_cut.sh --steps 500
set -euo pipefail
SYNTHETIC=${SYNTHETIC:+$(realpath "$SYNTHETIC")}  # any tree of renders; empty: the bundled recipe below
REAL=${REAL:+$(realpath "$REAL")}                 # any tree of photos; goes with SYNTHETIC
cd "$(dirname "$0")/.."
DATASET=${DATASET:-datasets/traffic-lights.yaml}
RECIPE=${RECIPE:-cut}
RUN=${RUN:-$RECIPE}                 # written to checkpoints/$RUN
REFINE=${REFINE:-.venv/bin/refine}

flags=(
  -c "models/$RECIPE.yaml"
  --run "$RUN"
  --model.features 24               # 64 and 9 blocks are the paper's, for 256 pixels and a GPU
  --model.blocks 4
  --model.nce_layers '[0,4,8,12,15]' # up to the last residual block: 11 + blocks
  --model.discriminator_features 32
  --model.discriminator_layers 2    # 34x34 patches: local texture, no layout
  --model.learning_rate 5e-4
)
if [ -n "$SYNTHETIC" ]; then
  flags+=(--data.synthetic "$SYNTHETIC" --data.real "${REAL:?names a folder of photos}" --data.channels 3)
  flags+=(--data.layout images --data.batch_size 4) # add --data.crop '[H,W]' or --data.resize '[H,W]' where sizes differ
else
  flags+=(-c "$DATASET")
fi

"$REFINE" fit "${flags[@]}" "$@"
