"""What a solver reads and what it returns, without any solver."""
