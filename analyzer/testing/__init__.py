"""The conformance kit: tests that every importer should pass, for its author to inherit.

It needs pytest, and only this part of the analyser does::

    from analyzer.testing import ImporterConformance

    class TestMine(ImporterConformance):
        @pytest.fixture
        def importer(self): return MyImporter()

        @pytest.fixture
        def model(self): return my_framework.small_model()

        @pytest.fixture
        def expected_total(self): return 896  # learnable parameters, counted by the framework
"""

import pytest

pytest.register_assert_rewrite("analyzer.testing.importer")

from analyzer.testing.importer import ImporterConformance  # noqa: E402

__all__ = ["ImporterConformance"]
