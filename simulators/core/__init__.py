"""What both simulators share: clock, scripted faults, call log, webhook sender, money and JSON."""
