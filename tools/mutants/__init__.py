"""Which changes of what decides does no unit test notice? See `__main__`."""
