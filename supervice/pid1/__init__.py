"""One kernel duty each: reap, spawn, signal, adopt, clean up. Knows nothing of programs and policies."""
