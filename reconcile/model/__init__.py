"""Pure questions about API objects, and the requests that carry them."""
