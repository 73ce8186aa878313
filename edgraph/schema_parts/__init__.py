"""The parts that the editor schema is made of."""
