"""Any REST/JSON job system that a YAML file describes: no code, only where things are and what they are called."""
