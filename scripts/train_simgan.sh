#!/usr/bin/env bash
# Trains a SimGAN refiner and refines a dataset with it. Edit what is below, or add flags: they win.
#   bash scripts/train_simgan.sh --steps 500
set -euo pipefail
cd "$(dirname "$0")/.."

SYNTHETIC=${SYNTHETIC:-}            # a folder of class folders; empty: the dataset recipe's own
REAL=${REAL:-}                      # any tree of photos
DATASET=${DATASET:-datasets/digits.yaml}
RUN=${RUN:-simgan}                  # written to checkpoints/$RUN
REFINE=${REFINE:-.venv/bin/refine}

flags=(
  -c models/simgan.yaml
  -c "$DATASET"
  --run "$RUN"
  --model.self_weight 0.1           # heavier: images move less
  --model.feature_map identity      # or derivatives, channel_mean, network
  --model.history_size 512
)
[ -z "$SYNTHETIC" ] || flags+=(--data.synthetic "$SYNTHETIC")
[ -z "$REAL" ] || flags+=(--data.real "$REAL")

"$REFINE" fit "${flags[@]}" "$@"
echo "next: $REFINE apply --checkpoint checkpoints/$RUN/last.ckpt --input YOUR_SYNTHETIC --output refined"
