"""A causal simulated quantum network: the far side that Bellhop is tried out on, reached over HTTP only.

simulation   one step per simulated second, arrays over links and nodes
plant        what the network file promises, as arrays
physics      formulas: loss, memory, codes, decoder, keys
faults       the eight injectable modes
operations   what the controller can do, and the jobs that do it
exporter     the telemetry contract as Prometheus text
server       /metrics and the controller over HTTP
scenarios    ready-made incidents on the shipped network
"""
