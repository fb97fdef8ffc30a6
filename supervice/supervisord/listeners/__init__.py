"""Event listeners of supervisord's protocol. Imported only when a configuration has some.

`events` and `protocol` are pure; `pool` queues events and hands them out; `channel` is the pipes of one
process; `hub` connects them with what happens.
"""
