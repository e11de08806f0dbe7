"""What `make` runs for releases: an audit of the dependencies, a look at what the image would hold."""
