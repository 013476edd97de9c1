"""The door between the processes: records, keys, ports, tokens. Standard library and pydantic only."""
