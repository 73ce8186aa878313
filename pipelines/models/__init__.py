"""Models, data sets and ops of the pipelines in the folder above."""
