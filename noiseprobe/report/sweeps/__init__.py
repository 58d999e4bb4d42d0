"""The figures that a sweep ends with, one a module: `write(results, cells, name)` gives the paths of what it drew.

They are [NAME-]FIGURE-SCORING[-SETTING].png and .svg, with the sweep's name where it has one, and the setting where a
figure shows a single one of several (`base`): numbers of two scorings can't be compared, so no figure holds both. Where
a figure says nothing about a sweep nothing is written.
"""
