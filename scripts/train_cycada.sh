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
PRESET=${PRESET:-auto}              # small, medium, paper; auto: by device, images and --minutes
REFINE=${REFINE:-.venv/bin/refine}

# where sizes differ, both need --data.resize '[H,W]' here: f_S must know what CyCADA shows it
if [ -n "$SYNTHETIC" ]; then
  data=(--data.synthetic "$SYNTHETIC" --data.real "${REAL:?names a folder of photos}" --data.channels 3)
else
  data=(-c "$DATASET")
fi

if [ -z "$TASK" ]; then
  TASK=checkpoints/$RUN-task/last.ckpt
  "$REFINE" fit -c models/task.yaml "${data[@]}" --run "$RUN-task" --steps 400 --data.batch-size 32
fi

flags=(
  -c models/cycada.yaml
  "${data[@]}"
  --run "$RUN"
  --preset "$PRESET"
  --model.task "$TASK"
  --model.semantic-weight 0         # of refined images, the paper's term: 1
  --model.cycle-semantic-weight 1   # of images that went there and back, where the task model is at home
)

"$REFINE" fit "${flags[@]}" "$@"
