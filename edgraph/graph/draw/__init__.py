"""Pictures of graphs: a neutral `Drawing`, a layered layout of our own, and SVG, Mermaid and dot text."""
