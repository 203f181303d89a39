"""opslib: executable runbooks for AWS Lambda pipelines."""

from importlib.metadata import version

__version__ = version("opslib")
