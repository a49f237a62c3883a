"""Pages of sites, read over the network by the command line and kept in the home folder as what agents know."""
