"""Frozen values that every stage speaks, in the order data flows; nothing here reads a clock or a wire."""
