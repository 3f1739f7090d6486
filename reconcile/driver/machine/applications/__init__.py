"""What applications in containers do, and what a metrics server says of them."""
