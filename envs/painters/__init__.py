"""The pictures of the worlds, drawn with pygame. Nothing in here knows a customer's taste."""
