"""Structure without values: patterns, their pictures in text, and their files."""
