#!/usr/bin/env bash
# Trains a CycleGAN and refines a dataset with it. Edit what is below, or add flags: they win.
#   bash scripts/train_cyclegan.sh --steps 500
set -euo pipefail
cd "$(dirname "$0")/.."

SYNTHETIC=${SYNTHETIC:-}            # a folder of class folders; empty: the dataset recipe's own
REAL=${REAL:-}                      # any tree of photos
DATASET=${DATASET:-datasets/traffic-lights.yaml}
RUN=${RUN:-cyclegan}                # written to checkpoints/$RUN
REFINE=${REFINE:-.venv/bin/refine}

flags=(
  -c models/cyclegan.yaml
  -c "$DATASET"
  --run "$RUN"
  --model.features 24               # 64 and 9 blocks are the paper's, for 256 pixels and a GPU
  --model.blocks 4
  --model.discriminator_features 32
  --model.discriminator_layers 2    # 34x34 patches: local texture, no layout
  --model.learning_rate 5e-4
)
[ -z "$SYNTHETIC" ] || flags+=(--data.synthetic "$SYNTHETIC")
[ -z "$REAL" ] || flags+=(--data.real "$REAL")

"$REFINE" fit "${flags[@]}" "$@"
echo "next: $REFINE apply --checkpoint checkpoints/$RUN/last.ckpt --input YOUR_SYNTHETIC --output refined"
