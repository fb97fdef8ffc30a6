"""HTTP/1.1 on h11. Imported only when a configuration or a program asks for HTTP."""
