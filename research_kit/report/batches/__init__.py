"""A notebook run many times over: its parameters checked, its runs in parallel, its pages with an index."""
