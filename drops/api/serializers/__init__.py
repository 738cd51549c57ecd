"""What the APIs read and answer, by who calls: partners and the platform, viewers' players and tools, drops as code."""
