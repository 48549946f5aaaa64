"""Are the labels still right? The way of an audit, file by file:

- `options`, `pairs`: what is asked, and the images before and after with their labels;
- `perturbations`, `corruptions`: changes that leave labels right, and changes that make them wrong;
- `judges`, `training`: task models that never saw what they judge, and how they are kept;
- `calibration`: limits of scores by perturbations, and the power for planted corruption;
- `evidence`, `ensembles`, `structure`: what judge ensembles, the inverse generator and moved edges say of each image;
- `verdicts`, `inconclusive`: a verdict for each image and a bound on the wrong labels, or a ranking and remedies;
- `review`, `sampling`, `estimate`: what people decide, and what their answers to a random sample say;
- `result`, `summary`, `cases`, `page`: what is written, and how it is shown;
- `run`: all of it together, and a finished audit that judges images again, for `refine apply --audit`.
"""
