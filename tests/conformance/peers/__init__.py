"""An adapter each: the configuration that the documentation of the supervisor has for the purpose."""
