"""Event listeners of supervisord's protocol. Imported only when a configuration has some.

`names` and `protocol` decide and do nothing; `pool` holds events back and hands them out; `channel` is the
pipes of one process; `hub` connects them with what happens.
"""
