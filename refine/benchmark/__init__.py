"""Train on X, test on real: source-only, refined, mixed, target-supervised."""
