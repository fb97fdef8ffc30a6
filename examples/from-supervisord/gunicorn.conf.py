"""gunicorn reads this from its working directory. A name that its version does not know is ignored."""

control_socket_disable = True  # it would lie in the home directory, which www-data cannot write
