"""Exit codes: the same of every command."""

DONE, PARTLY, FAILED, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143

MEANINGS = {
    DONE: "all is done",
    PARTLY: "some of it failed (an image, a model, a check); the rest is done",
    FAILED: "nothing could be done, or it had to stop: wrong usage, unusable input, full disk",
    INTERRUPTED: "interrupted by Ctrl-C",
    TERMINATED: "terminated (SIGTERM), as by a scheduler of jobs",
}
"""What each of them says, as ``--help`` and docs/cli.md show it."""
