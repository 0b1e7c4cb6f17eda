"""The plugin of napari: segment what is shown, choose again, look through the doubtful, correct.

What is decided is in modules without napari and Qt: `session`, `history`, `doubts`, `region`,
`corrections`, `computing`, `colors`, `read`, `write`. What is shown is in `dock` and the modules it
imports.
"""
