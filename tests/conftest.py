"""Fixtures for every test."""

import pytest

pytest.register_assert_rewrite("tests.flow_fixtures")  # test modules also import its types

pytest_plugins = ["tests.sandbox_fixtures"]
