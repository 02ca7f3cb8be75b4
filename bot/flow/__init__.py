"""The order of things: alert, incident, diagnosis, plan, run, recovery, postmortem. Nothing else knows it."""
