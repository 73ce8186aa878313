"""`edgraph graph --html`: a pipeline's graph and timetable as one page that needs no network."""
