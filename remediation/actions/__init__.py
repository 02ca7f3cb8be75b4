"""The acts that runbooks can do, a file per family; reached only through `remediation.registry`."""
