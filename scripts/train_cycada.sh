#!/usr/bin/env bash
# Trains a task model on the synthetic labels, then CyCADA under it. Edit what is below, or add flags: they win for CyCADA.
#   bash scripts/train_cycada.sh --steps 500
set -euo pipefail
SYNTHETIC=${SYNTHETIC:+$(realpath "$SYNTHETIC")}  # a folder of class folders; empty: the bundled recipe below
REAL=${REAL:+$(realpath "$REAL")}                 # any tree of photos; goes with SYNTHETIC
cd "$(dirname "$0")/.."
DATASET=${DATASET:-datasets/traffic-lights.yaml}
RUN=${RUN:-cycada}                  # written to checkpoints/$RUN, the task model to checkpoints/$RUN-task
TASK=${TASK:-}                      # a task model's checkpoint that is there already
REFINE=${REFINE:-.venv/bin/refine}

if [ -n "$SYNTHETIC" ]; then
  data=(--data.synthetic "$SYNTHETIC" --data.real "${REAL:?names a folder of photos}" --data.channels 3)
else
  data=(-c "$DATASET")
fi

if [ -z "$TASK" ]; then
  TASK=checkpoints/$RUN-task/last.ckpt
  "$REFINE" fit -c models/task.yaml "${data[@]}" --run "$RUN-task" --steps 400 --data.batch_size 32
fi

flags=(
  -c models/cycada.yaml
  "${data[@]}"
  --run "$RUN"
  --data.batch_size 4               # add --data.crop '[H,W]' or --data.resize '[H,W]' to both where sizes differ
  --model.task "$TASK"
  --model.semantic_weight 0         # of refined images, the paper's term: 1
  --model.cycle_semantic_weight 1   # of images that went there and back, where the task model is at home
  --model.features 24               # 64 and 9 blocks are the paper's, for 256 pixels and a GPU
  --model.blocks 4
  --model.discriminator_features 32
  --model.discriminator_layers 2    # 34x34 patches: local texture, no layout
  --model.learning_rate 5e-4
)

"$REFINE" fit "${flags[@]}" "$@"
