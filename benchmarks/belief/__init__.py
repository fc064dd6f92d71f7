"""W9: what it takes to find out whether a result can be believed."""
