"""The kernels of headless runs: how one is started, watched, and ended when it must end.

`manager` starts this very Python, by itself or forked from a `server` that has imported everything
already; `watch` ends it. Must not know notebooks or AWS.
"""
