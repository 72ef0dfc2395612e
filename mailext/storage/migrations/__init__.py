"""
The history of the schema, as Alembic keeps it: one revision a file in
``versions``, each written out in full and never changed again.
"""
