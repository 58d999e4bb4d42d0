"""The figures that a sweep ends with, one a module: `write(results, cells, name)` gives the paths of what it drew.

They are [NAME-]FIGURE-SCORING.png and .svg, with the sweep's name where it has one: numbers of two scorings can't be
compared, so no figure holds both. Where a figure says nothing about a sweep nothing is written.
"""
