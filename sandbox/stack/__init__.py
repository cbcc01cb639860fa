"""One command that runs all of WOPR on one machine, with stand-ins for the vendors."""
