"""Far sides that do things to the network, each behind `remediation.contract.Controller`."""
