"""pandas tables as those of Weights & Biases."""

from typing import Any

import pandas as pd


def as_table(frame: pd.DataFrame) -> Any:
    """The same rows and columns; a value that isn't there is None, whatever the column's type."""
    import wandb

    columns: list[Any] = [str(name) for name in frame]
    rows = frame.astype(object).where(frame.notna(), None)
    return wandb.Table(columns=columns, data=rows.to_numpy(), allow_mixed_types=True)
