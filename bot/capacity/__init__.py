"""What a link should deliver, and what limits it: pure functions over arrays, no network, no clock."""
