"""Stand-ins that are real objects: they answer what they were told and remember what was asked."""
