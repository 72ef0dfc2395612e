"""
Storage: the queue, the accounts and the identities, on a disk.

Theory of the room: everything lives in one state directory that one process
owns (:mod:`mailext.storage.lock`). What is done to the tables
(:mod:`mailext.storage.schema`) is written as plain functions on a connection,
each a whole transaction's worth of work. What several processes know together of
identities lives in a directory that they share, in the same tables
(:mod:`mailext.storage.shared_directory`). Operations are run by a
:class:`~mailext.storage.transactions.Transactions`: in a server by one writer
thread that commits in batches (:mod:`mailext.storage.committer`) and a few
reading threads, in a command by the command itself. So every question and
every change is the same code, whether the server is up or down.

A Deferred of a change fires once it is on stable storage. After a failed
commit nothing is tried again: whoever asked is told, and the next batch begins
with a new connection. Large contents are files beside the database
(:mod:`mailext.storage.content`), synchronised before the commit that names
them; a file that no row names is removed at the next start.
"""
