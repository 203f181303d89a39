"""Tests on the real emulated AWS, over HTTP."""
