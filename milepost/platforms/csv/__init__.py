"""Jobs and lines from two files, for systems without an API: exports of Tradify and its like."""
