"""
Whether a server keeps the rules of CLIENTID and REQUIRETLS, seen from outside:
``python -m tests.conformance HOST PORT``. It works with any server, and sends
no mail.
"""
