"""The steps on the way of a job, with their I/O: one module a step. The flows call them in order and name them as tasks."""
