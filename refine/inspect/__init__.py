"""What a dataset holds, what is wrong with it, and how far it is from real images before any training."""
