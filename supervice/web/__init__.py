"""The page for people and /api/v1. Imported when the first client asks for one of them."""
