"""Which image files are the labels of others, by their names and headers alone: for trees that fit no layout."""
