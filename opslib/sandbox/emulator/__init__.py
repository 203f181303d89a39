"""The only room that reaches into the emulator; everything else goes through its HTTP app.

``state``: what it holds, where its API would be too slow or has no call for it. ``functions``: how
it runs functions. Each module names what it uses of the pinned release, and tests hold the pin.
"""
