"""The whole product through its real flows, against the sandbox and a real Prefect server."""
