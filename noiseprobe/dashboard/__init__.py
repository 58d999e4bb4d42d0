"""Finished results as Weights & Biases runs: one for each cell, one for each sweep (docs/wandb.md).

What a run shows is read from the tables that the cell left, so it says what `load_results` says.
"""
