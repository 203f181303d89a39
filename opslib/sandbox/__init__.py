"""An emulated AWS on a loopback port: the emulator behind our wrapper, its clock, its scenarios.

Every other part of opslib reaches it as it would reach AWS, through boto3 and an endpoint; only the
command line and the tests import this package. It needs the extra ``local``.
"""
