from acme_identity import AcmeFactory

acme = AcmeFactory()
