"""
The server: everything wired together, as Twisted services.

Theory of the room: three parts with lives of different length. The
*listeners* (:mod:`mailext.service.listeners`) are bound once, before the
process gives up its privileges. The *site* (:mod:`mailext.service.site`) is
what stands behind them while the state directory is open: store, queue,
thread pools, address book. The *doors* (:mod:`mailext.service.doors`)
are what a configuration makes of a site: one factory for each listener, with
its portal, checkers and policies. A reload makes other doors and puts them
behind the same listeners; connections that are open keep the one they began
with. :mod:`mailext.service.server` holds the three together and ends them in
their order: no new connections, then the transactions, then the queue, then
the store.
"""
