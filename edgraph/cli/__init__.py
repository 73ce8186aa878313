"""The command line: thin commands over `edgraph.compile`, the plan and the run."""
