"""supervisord's remote interface, through which `supervisorctl` operates a supervisor. Loaded on demand."""
