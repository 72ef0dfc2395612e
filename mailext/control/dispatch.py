"""From JSON to requests, and from answers to JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from attrs import frozen
from cattrs import BaseValidationError, Converter
from sqlalchemy.exc import DBAPIError
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.control.accounts import AccountOperations
from mailext.control.app_password_requests import AddAppPassword, ListAppPasswords, RevokeAppPassword
from mailext.control.app_passwords import AppPasswordOperations
from mailext.control.attack_mode import AttackModeOperations
from mailext.control.attack_requests import SetAttackMode, ShowAttackModes
from mailext.control.identities import IdentityOperations
from mailext.control.identity_requests import (
    ApproveIdentity,
    ExportIdentities,
    ForgetIdentities,
    ImportIdentities,
    LabelIdentity,
    ListIdentities,
    ListLogins,
    RevokeIdentity,
    ShowIdentity,
)
from mailext.control.licence_requests import AddLicence, ListLicences, RevokeLicence
from mailext.control.licences import LicenceOperations
from mailext.control.queue import QueueOperations
from mailext.control.replay import ReplayOperations
from mailext.control.replay_requests import ReadAttempts, ReadIdentities, ReadLicences
from mailext.control.requests import (
    AddAccount,
    DemandTls,
    DropMessage,
    HoldMessage,
    ListAccounts,
    ListQueue,
    ReleaseMessage,
    RemoveAccount,
    Request,
    RequestRefusedError,
    RetryMessages,
    SendMessage,
    SetPassword,
    ShowMessage,
)
from mailext.control.submission import SubmissionOperations
from mailext.control.tls_figures import TlsFigureOperations
from mailext.control.tls_requests import ShowTlsFigures

__all__ = ["Dispatcher", "Operations", "Reply"]

_log = Logger()

_R = TypeVar("_R", bound=Request)

#: ``{"result": ...}``, or ``{"error": "why"}``.
Reply = Mapping[str, object]

_Handler = Callable[[Mapping[str, object]], Awaitable[object]]

_converter = Converter(forbid_extra_keys=True)


@frozen
class Operations:
    """All that can be asked, by subject."""

    accounts: AccountOperations
    app_passwords: AppPasswordOperations
    identities: IdentityOperations
    replay: ReplayOperations
    licences: LicenceOperations
    attack_mode: AttackModeOperations
    queue: QueueOperations
    submission: SubmissionOperations
    tls_figures: TlsFigureOperations


class Dispatcher:
    """
    Answers requests.

    :param operations: who does what they ask for.
    """

    def __init__(self, operations: Operations) -> None:
        accounts, queue = operations.accounts, operations.queue
        self._handlers: dict[str, _Handler] = {}
        self._register(AddAccount, accounts.add)
        self._register(SetPassword, accounts.set_password)
        self._register(RemoveAccount, accounts.remove)
        self._register(ListAccounts, accounts.list)
        self._register(AddAppPassword, operations.app_passwords.add)
        self._register(ListAppPasswords, operations.app_passwords.list)
        self._register(RevokeAppPassword, operations.app_passwords.revoke)
        self._register_identities(operations.identities)
        self._register(ReadAttempts, operations.replay.attempts)
        self._register(ReadIdentities, operations.replay.identities)
        self._register(ReadLicences, operations.replay.all_licences)
        self._register(AddLicence, operations.licences.add)
        self._register(ListLicences, operations.licences.list)
        self._register(RevokeLicence, operations.licences.revoke)
        self._register(SetAttackMode, operations.attack_mode.set)
        self._register(ShowAttackModes, operations.attack_mode.status)
        self._register(ListQueue, queue.list)
        self._register(ShowMessage, queue.show)
        self._register(HoldMessage, queue.hold)
        self._register(ReleaseMessage, queue.release)
        self._register(RetryMessages, queue.retry)
        self._register(DropMessage, queue.drop)
        self._register(DemandTls, queue.demand_tls)
        self._register(SendMessage, operations.submission.send)
        self._register(ShowTlsFigures, operations.tls_figures.show)

    def _register_identities(self, identities: IdentityOperations) -> None:
        self._register(ListIdentities, identities.list)
        self._register(ShowIdentity, identities.show)
        self._register(LabelIdentity, identities.label)
        self._register(ApproveIdentity, identities.approve)
        self._register(RevokeIdentity, identities.revoke)
        self._register(ForgetIdentities, identities.forget)
        self._register(ListLogins, identities.log)
        self._register(ExportIdentities, identities.export)
        self._register(ImportIdentities, identities.import_)

    def _register(self, kind: type[_R], handler: Callable[[_R], Awaitable[object]]) -> None:
        async def handle(arguments: Mapping[str, object]) -> object:
            try:
                request = _converter.structure(arguments, kind)
            except BaseValidationError as error:
                raise RequestRefusedError(f"{kind.operation}: not its arguments") from error
            return await handler(request)

        self._handlers[kind.operation] = handle

    def answer(self, message: object) -> Deferred[Reply]:
        """
        :param message: ``{"operation": name, "arguments": {...}}``.
        :return: a Deferred of the reply. It never fails.
        """
        return Deferred.fromCoroutine(self._answer(message))

    async def _answer(self, message: object) -> Reply:
        try:
            return {"result": await self._handle(message)}
        except RequestRefusedError as error:
            return {"error": str(error)}
        except DBAPIError as error:
            _log.failure("The database does not do what the operator asks for")
            return {"error": f"the database: {error.orig}"}
        except Exception as error:  # noqa: BLE001 - the operator is told, and the log
            _log.failure("A request of the operator failed")
            return {"error": f"{type(error).__name__}: {error}"}

    async def _handle(self, message: object) -> object:
        if not isinstance(message, dict) or not isinstance(message.get("arguments", {}), dict):
            raise RequestRefusedError("not a request")
        handler = self._handlers.get(str(message.get("operation")))
        if handler is None:
            raise RequestRefusedError(f"there is no such operation; known: {', '.join(self._handlers)}")
        return await handler(message.get("arguments", {}))
