"""What befalls hosts, their clocks and what runs on them."""
