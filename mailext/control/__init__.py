"""
The operator's hands: what can be asked of a server, running or not.

Theory of the room: every operation is a request, a frozen class with a name
(:mod:`mailext.control.requests`), and a method that answers it, grouped by
what it is about (accounts, identities, queue, submission). A
:class:`~mailext.control.dispatch.Dispatcher` takes requests as JSON objects
and gives JSON answers.

There are two ways to it. A server answers on a Unix socket in its state
directory (:mod:`mailext.control.server`, :mod:`mailext.control.client`), one
JSON object a line; who can open the socket is the operator. While no server
runs, a command opens the state directory itself and asks a dispatcher of its
own (:mod:`mailext.control.offline`). The answers are the same.
"""
