"""
The configuration: one TOML file, and flags that stand above it.

Theory of the room: the classes of :mod:`mailext.config.model` are the table of
keys; :mod:`mailext.config.reader` fills them, and
:mod:`mailext.config.reference` tells people of them. What is read is then
checked against the world without using it: endpoints are parsed, certificates
loaded, plugins made for trial (:mod:`mailext.config.checks`). What sections
mean beyond their grammar stands in a module each, as
:mod:`mailext.config.relaying`: the checks come there first, and then the
server. All that is wrong is told at once, each with file, key and reason
(:mod:`mailext.config.problems`), and nothing is half loaded
(:mod:`mailext.config.loading`). After that the configuration never changes: a
reload makes another one.
"""
