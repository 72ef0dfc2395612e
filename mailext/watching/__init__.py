"""
Watching the server: figures for Prometheus, and whether it is fit to serve.

Theory of the room: nothing that serves mail knows of it. What has happened is
counted from the log events that are written anyway
(:mod:`mailext.watching.figures`), so a server without the listener ``metrics``
counts nothing. What is so at the moment is asked when somebody wants to know
(:mod:`mailext.watching.moment`). :mod:`mailext.watching.web` answers over HTTP.
"""
