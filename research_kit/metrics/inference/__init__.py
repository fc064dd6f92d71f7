"""Can it be believed? What a result is worth, given how short its history is and how many others were tried."""
