"""Many images through one model: jobs, their output files, the journal that lets a run go on."""
