"""A saved workspace of a project on a Weights & Biases server: the panels with which sweeps are compared.

Needs the extra `workspaces`. What it shows are the numbers that `dashboard.cell` and `dashboard.sweep` put into runs.
"""

from typing import Any

NAME = "noiseprobe, delay scoring"  # numbers of the two scorings are never in one panel
EFFECTS = ["delta/mean", "peak/height", "assimilation/level", "offset/height", "recovery/frames"]


def make(entity: str, project: str) -> Any:
    """The workspace, not saved yet: runs grouped by sweep, effects against length and size, figures."""
    import wandb_workspaces.reports.v2 as panels
    from wandb_workspaces import workspaces as ws

    def scatter(x: str, y: str) -> Any:
        return panels.ScatterPlot(title=f"{y} against {x}", x=panels.SummaryMetric(x), y=panels.SummaryMetric(y))

    def by_size(y: str) -> Any:
        x, y_ = panels.Config("parameters"), panels.SummaryMetric(y)
        return panels.ScatterPlot(title=f"{y} against parameters", x=x, y=y_, log_x=True)

    return ws.Workspace(
        entity=entity, project=project, name=NAME,
        runset_settings=ws.RunsetSettings(
            filters="Config('scoring') = 'delay'", groupby=[ws.Metric("Group"), ws.Metric("JobType")]
        ),
        sections=[
            ws.Section("against length", [scatter("length_s", y) for y in EFFECTS], is_open=True),
            ws.Section("variants of a cell", [panels.LinePlot(title=y, x="length_s", y=[y]) for y in EFFECTS]),
            ws.Section("against size", [by_size(y) for y in EFFECTS]),
            ws.Section("cells", [panels.BarPlot(title=y, metrics=[y]) for y in EFFECTS]),
            ws.Section("figures and clips", [panels.MediaBrowser(media_keys=["figure"])]),
        ],
    )  # fmt: skip
