"""gunicorn reads this from its working directory. A name that its version does not know is ignored."""

workers = 2
worker_tmp_dir = "/dev/shm"  # its heartbeat files: memory, whatever the root of the container lies on
control_socket_disable = True  # supervicectl does that here
