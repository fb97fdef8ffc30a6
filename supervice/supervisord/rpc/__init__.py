"""supervisord's remote interface on a supervisor, which `supervisorctl` talks to. Loaded on demand."""
