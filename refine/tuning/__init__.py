"""How much refinement is right? Realism against label error, over strengths and checkpoints."""
