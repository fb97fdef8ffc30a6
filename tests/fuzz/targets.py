"""What reads bytes that other programs, clients or people wrote, and the property tests of it."""

from __future__ import annotations

TARGETS = {
    "frames": ["tests/unit/control/test_protocol.py", "tests/unit/control/test_paging.py"],
    "requests": ["tests/unit/api/test_requests.py"],
    "http": ["tests/unit/http/test_messages.py", "tests/process/http/test_server.py"],
    "xml": ["tests/unit/supervisord/rpc/test_codec.py", "tests/unit/supervisord/rpc/test_logs.py"],
    "configuration": [
        "tests/unit/config/test_reader.py",
        "tests/unit/config/test_hostile.py",
        "tests/unit/config/test_values.py",
        "tests/unit/config/test_check_rules.py",
        "tests/unit/config/test_limits.py",
        "tests/unit/cli/test_check.py",
    ],
    "notifications": ["tests/unit/notify/test_protocol.py"],
    "listeners": [
        "tests/unit/supervisord/listeners/test_protocol.py",
        "tests/unit/supervisord/test_tap.py",
    ],
    "schedules": [
        "tests/unit/schedules/test_expression.py",
        "tests/unit/schedules/test_timeline.py",
        "tests/unit/schedules/test_decide.py",
        "tests/unit/schedules/test_stamp.py",
    ],
    "logs": [
        "tests/unit/output/test_formats.py",
        "tests/unit/output/test_ring.py",
        "tests/unit/output/test_rotation.py",
        "tests/unit/cli/test_log_lines.py",
        "tests/unit/checks/test_line_matcher.py",
    ],
    "environment": ["tests/unit/runner/test_environment.py"],
    "mounts": ["tests/unit/pid1/test_mounts.py"],
    "decisions": [
        "tests/unit/lifecycle/test_transition_rules.py",
        "tests/unit/lifecycle/test_graph.py",
        "tests/unit/lifecycle/test_reload_plan.py",
        "tests/unit/watch/test_decide.py",
    ],
}
