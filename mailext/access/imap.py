"""The commands of IMAP4rev1 that work on mailboxes (RFC 3501 sections 6.3 and 6.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import BinaryIO, ClassVar, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail.imap4 import (
    ICloseableMailbox,
    IllegalClientResponse,
    IMailbox,
    IMessageCopier,
    ISearchableMailbox,
    MailboxException,
    MessageSet,
    NoSuchMailbox,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.access.arguments import BoundedArguments
from mailext.access.delivering import Wanted, send_messages
from mailext.access.describing import string
from mailext.access.factory import TooMany
from mailext.access.fetching import Item, SimpleItem, sets_seen
from mailext.access.imap_connection import CommandEntry, ImapConnection, TryCreateError
from mailext.access.names import DELIMITER, decode_name, encode_name
from mailext.access.searching import Query
from mailext.interfaces import IMailboxWatcher, IRefreshableMailbox
from mailext.values import MailboxNews

__all__ = ["IMAP4"]

_log = Logger()

_STORE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?")
_MODES = {b"": 0, b"+": 1, b"-": -1}
_STATUS = frozenset({"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"})
_CHARSETS = frozenset({b"", b"US-ASCII", b"UTF-8"})
_SEEN = "\\Seen"


@implementer(IMailboxWatcher)
class IMAP4(ImapConnection):
    """
    The server's side of IMAP4rev1.

    Accounts and mailboxes are what :mod:`twisted.mail.imap4` says. Messages
    provide ``IMessageFile`` as well; they are read in threads. A mailbox that
    provides :class:`~mailext.interfaces.IRefreshableMailbox` tells of what
    others do to it.
    """

    #: Of connections beyond the limits.
    too_many = TooMany("BYE", "UNAVAILABLE")

    _refreshing: Deferred[None] | None = None
    _is_stale = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._unselect()
        super().connectionLost(reason)

    # Mailboxes

    def _of_account(self, tag: bytes, operation: Callable[..., object], done: bytes, *names: bytes) -> None:
        async def change() -> bytes:
            if not await maybeDeferred(operation, *map(decode_name, names)):
                raise MailboxException
            return done

        self.run(tag, change())

    def do_CREATE(self, tag: bytes, name: bytes) -> None:
        self._of_account(tag, self.account.create, b"CREATE completed", name)

    def do_DELETE(self, tag: bytes, name: bytes) -> None:
        self._of_account(tag, self.account.delete, b"DELETE completed", name)

    def do_RENAME(self, tag: bytes, oldname: bytes, newname: bytes) -> None:
        self._of_account(tag, self.account.rename, b"RENAME completed", oldname, newname)

    def do_SUBSCRIBE(self, tag: bytes, name: bytes) -> None:
        self._of_account(tag, self.account.subscribe, b"SUBSCRIBE completed", name)

    def do_UNSUBSCRIBE(self, tag: bytes, name: bytes) -> None:
        self._of_account(tag, self.account.unsubscribe, b"UNSUBSCRIBE completed", name)

    def do_LIST(self, tag: bytes, reference: bytes, pattern: bytes) -> None:
        self.run(tag, self._list(reference, pattern))

    async def _list(self, reference: bytes, pattern: bytes) -> bytes:
        if not pattern:
            # RFC 3501 section 6.3.8: what stands between levels is asked for.
            self._tell_name(b"LIST", ("\\Noselect",), DELIMITER, "")
        else:
            found = await maybeDeferred(
                self.account.listMailboxes, decode_name(reference), decode_name(pattern)
            )
            for name, info in found:
                self._tell_name(b"LIST", info.getFlags(), info.getHierarchicalDelimiter(), name)
        return b"LIST completed"

    def do_LSUB(self, tag: bytes, reference: bytes, pattern: bytes) -> None:
        self.run(tag, self._lsub(reference, pattern))

    async def _lsub(self, reference: bytes, pattern: bytes) -> bytes:
        found = await maybeDeferred(self.account.listMailboxes, decode_name(reference), decode_name(pattern))
        for name, info in found:
            if await maybeDeferred(self.account.isSubscribed, name):
                self._tell_name(b"LSUB", info.getFlags(), info.getHierarchicalDelimiter(), name)
        return b"LSUB completed"

    def _tell_name(self, response: bytes, flags: Iterable[str], delimiter: str, name: str) -> None:
        words = [response, _parenthesized(flags), string(delimiter), string(encode_name(name))]
        self.sendUntaggedResponse(b" ".join(words))

    async def _open(self, name: bytes, *, writeable: bool) -> IMailbox:
        mailbox = await maybeDeferred(self.account.select, decode_name(name), writeable)
        if mailbox is None or "\\noselect" in (flag.lower() for flag in mailbox.getFlags()):
            raise NoSuchMailbox
        return cast("IMailbox", mailbox)

    def do_STATUS(self, tag: bytes, name: bytes, items: Query) -> None:
        self.run(tag, self._status(name, items))

    async def _status(self, name: bytes, items: Query) -> bytes:
        names = [item.decode("ascii", "replace").upper() for item in items if isinstance(item, bytes)]
        if not names or not _STATUS.issuperset(names):
            raise IllegalClientResponse("not a status item")
        mailbox = await self._open(name, writeable=False)
        status = await maybeDeferred(mailbox.requestStatus, names)
        told = " ".join(f"{item} {value}" for item, value in status.items()).encode("ascii")
        self.sendUntaggedResponse(b"STATUS " + string(name) + b" (" + told + b")")
        return b"STATUS completed"

    def do_APPEND(
        self, tag: bytes, name: bytes, flags: Sequence[bytes], date: bytes | None, message: BinaryIO
    ) -> None:
        self.run(tag, self._append(name, flags, date, message))

    async def _append(
        self, name: bytes, flags: Sequence[bytes], date: bytes | None, message: BinaryIO
    ) -> bytes:
        mailbox = await self._destination(name)
        await maybeDeferred(mailbox.addMessage, message, _text(flags), date)
        await self._tell_news()
        return b"APPEND completed"

    async def _destination(self, name: bytes) -> IMailbox:
        try:
            return await self._open(name, writeable=True)
        except NoSuchMailbox:
            raise TryCreateError from None

    # The mailbox that is selected

    def do_SELECT(self, tag: bytes, name: bytes) -> None:
        self.run(tag, self._select(name, b"SELECT completed", writeable=True))

    def do_EXAMINE(self, tag: bytes, name: bytes) -> None:
        self.run(tag, self._select(name, b"EXAMINE completed", writeable=False))

    async def _select(self, name: bytes, done: bytes, *, writeable: bool) -> bytes:
        # RFC 3501 section 6.3.1: whatever becomes of it, nothing is selected before.
        self._unselect()
        mailbox = await self._open(name, writeable=writeable)
        if IRefreshableMailbox.providedBy(mailbox):
            await mailbox.refresh()
        if self.is_over:
            raise ConnectionLost
        flags = _parenthesized(mailbox.getFlags())
        self.sendUntaggedResponse(b"%d EXISTS" % mailbox.getMessageCount())
        self.sendUntaggedResponse(b"%d RECENT" % mailbox.getRecentCount())
        self.sendUntaggedResponse(b"FLAGS " + flags)
        permanent = flags if mailbox.isWriteable() else b"()"
        self.sendPositiveResponse(None, b"[PERMANENTFLAGS " + permanent + b"] Kept for good")
        self.sendPositiveResponse(None, b"[UIDVALIDITY %d] Of the identifiers" % mailbox.getUIDValidity())
        self.sendPositiveResponse(None, b"[UIDNEXT %d] The next identifier" % mailbox.getUIDNext())
        mailbox.addListener(self)
        self.mbox = mailbox
        self.state = "select"
        return (b"[READ-WRITE] " if mailbox.isWriteable() else b"[READ-ONLY] ") + done

    def _unselect(self) -> None:
        mailbox, self.mbox = self.mbox, None
        if mailbox is None:
            return
        self.state = "auth"
        mailbox.removeListener(self)
        closeable = ICloseableMailbox(mailbox, None)
        if closeable is not None:
            closeable.close()

    def do_CLOSE(self, tag: bytes) -> None:
        self.run(tag, self._close())

    async def _close(self) -> bytes:
        if self.mbox.isWriteable():
            await maybeDeferred(self.mbox.expunge)
        self._unselect()
        return b"CLOSE completed"

    def do_UNSELECT(self, tag: bytes) -> None:
        self._unselect()
        self.sendPositiveResponse(tag, b"UNSELECT completed")

    def do_EXPUNGE(self, tag: bytes) -> None:
        self.run(tag, self._expunge())

    async def _expunge(self) -> bytes:
        for number in await maybeDeferred(self.mbox.expunge):
            self.sendUntaggedResponse(b"%d EXPUNGE" % number)
        await self._tell_news()
        return b"EXPUNGE completed"

    # News

    def do_NOOP(self, tag: bytes) -> None:
        self.run(tag, self._after_news(b"NOOP completed"))

    def do_CHECK(self, tag: bytes) -> None:
        self.run(tag, self._after_news(b"CHECK completed"))

    async def _after_news(self, done: bytes) -> bytes:
        await self._tell_news()
        return done

    async def _tell_news(self) -> None:
        if self.mbox is not None and IRefreshableMailbox.providedBy(self.mbox):
            self._tell(await self.mbox.refresh())

    def _tell(self, news: MailboxNews) -> None:
        for number in news.vanished:
            self.sendUntaggedResponse(b"%d EXPUNGE" % number)
        self.flagsChanged(news.flags)
        self.newMessages(news.exists, news.recent)

    def do_IDLE(self, tag: bytes) -> None:
        self.sendContinuationRequest(b"idling")
        self.parseTag = tag
        self.parseState = "idle"
        self.mailboxChanged()

    def parse_idle(self, line: bytes) -> None:  # noqa: ARG002 - Twisted's signature
        self.parseState = "command"
        self.run(self.parseTag, self._end_idle())

    async def _end_idle(self) -> bytes:
        if self._refreshing is not None:
            await self._refreshing
        return b"IDLE completed"

    def mailboxChanged(self) -> None:
        """See :meth:`mailext.interfaces.IMailboxWatcher.mailboxChanged`."""
        self._is_stale = True
        if self.parseState == "idle" and self._refreshing is None:
            self._refreshing = Deferred()
            Deferred.fromCoroutine(self._refresh_idle()).addBoth(self._refreshed)

    async def _refresh_idle(self) -> None:
        while self._is_stale and self.parseState == "idle":
            self._is_stale = False
            await self._tell_news()

    def _refreshed(self, result: object) -> None:
        if isinstance(result, Failure):
            _log.failure("A mailbox could not be looked at", result)
        refreshing, self._refreshing = self._refreshing, None
        if refreshing is not None:
            refreshing.callback(None)

    # Messages

    def do_SEARCH(self, tag: bytes, charset: bytes | None, query: Query, uid: int = 0) -> None:
        if (charset or b"").strip(b'"').upper() not in _CHARSETS:
            self.sendNegativeResponse(tag, b"[BADCHARSET (US-ASCII UTF-8)] Unknown charset")
        else:
            self.run(tag, self._search(query, by_uid=bool(uid)))

    async def _search(self, query: Query, *, by_uid: bool) -> bytes:
        found = await maybeDeferred(ISearchableMailbox(self.mbox).search, query, by_uid)
        numbers = map(self.mbox.getUID, found) if by_uid else found
        self.sendUntaggedResponse(b" ".join([b"SEARCH", *(b"%d" % number for number in numbers)]))
        return b"SEARCH completed"

    def do_FETCH(self, tag: bytes, messages: MessageSet, query: Sequence[Item], uid: int = 0) -> None:
        self.run(tag, self._fetch(messages, tuple(query), by_uid=bool(uid)))

    async def _fetch(self, numbers: MessageSet, asked: tuple[Item, ...], *, by_uid: bool) -> bytes:
        if by_uid and all(each.type != "uid" for each in asked):
            asked = (SimpleItem("uid"), *asked)
        seen = await self._mark_seen(numbers, by_uid=by_uid) if any(map(sets_seen, asked)) else frozenset()
        # What has changed by it is told along with it.
        told = asked if any(each.type == "flags" for each in asked) else (*asked, SimpleItem("flags"))
        found = await maybeDeferred(self.mbox.fetch, numbers, by_uid)
        wanted = [Wanted(number, message, told if number in seen else asked) for number, message in found]
        patience = self.setTimeout(None)
        try:
            await send_messages(self.outflow, self.settings.in_thread, wanted)
        except DeferredTimeoutError:
            self.took_too_long()
            raise ConnectionLost from None
        finally:
            if not self.is_over:
                self.setTimeout(patience)
        return b"FETCH completed"

    async def _mark_seen(self, numbers: MessageSet, *, by_uid: bool) -> frozenset[int]:
        """:return: the sequence numbers of the messages that were not seen before."""
        if not self.mbox.isWriteable():
            return frozenset()
        found = await maybeDeferred(self.mbox.fetch, numbers, by_uid)
        unseen = frozenset(number for number, message in found if _SEEN not in message.getFlags())
        if unseen:
            await maybeDeferred(self.mbox.store, numbers, [_SEEN], 1, by_uid)
        return unseen

    def do_STORE(
        self, tag: bytes, messages: MessageSet, mode: bytes, flags: Sequence[bytes], uid: int = 0
    ) -> None:
        match = _STORE.fullmatch(mode.upper())
        if match is None:
            self.sendBadResponse(tag, b"FLAGS, +FLAGS or -FLAGS are wanted")
        else:
            silent = match[2] is not None
            self.run(
                tag, self._store(messages, _text(flags), _MODES[match[1]], by_uid=bool(uid), silent=silent)
            )

    async def _store(
        self,
        numbers: MessageSet,
        flags: Sequence[str],
        mode: int,
        *,
        by_uid: bool,
        silent: bool,
    ) -> bytes:
        changed = await maybeDeferred(self.mbox.store, numbers, flags, mode, by_uid)
        for number, now in () if silent else changed.items():
            uid = b"UID %d " % self.mbox.getUID(number) if by_uid else b""
            self.sendUntaggedResponse(b"%d FETCH (%bFLAGS %b)" % (number, uid, _parenthesized(now)))
        return b"STORE completed"

    def do_COPY(self, tag: bytes, messages: MessageSet, name: bytes, uid: int = 0) -> None:
        self.run(tag, self._copy(messages, name, by_uid=bool(uid)))

    async def _copy(self, numbers: MessageSet, name: bytes, *, by_uid: bool) -> bytes:
        destination = await self._destination(name)
        messages = [message for _, message in await maybeDeferred(self.mbox.fetch, numbers, by_uid)]
        if IRefreshableMailbox.providedBy(destination):
            await destination.copyAll(messages)
        else:
            copier = IMessageCopier(destination)
            for message in messages:
                await maybeDeferred(copier.copy, message)
        await self._tell_news()
        return b"COPY completed"

    _a_name = (BoundedArguments.arg_finalastring,)
    _with_account: ClassVar[Mapping[bytes, CommandEntry]] = {
        **ImapConnection.commands["auth"],
        b"NOOP": (do_NOOP,),
        b"IDLE": (do_IDLE,),
        b"SELECT": (do_SELECT, *_a_name),
        b"EXAMINE": (do_EXAMINE, *_a_name),
        b"CREATE": (do_CREATE, *_a_name),
        b"DELETE": (do_DELETE, *_a_name),
        b"RENAME": (do_RENAME, BoundedArguments.arg_astring, *_a_name),
        b"SUBSCRIBE": (do_SUBSCRIBE, *_a_name),
        b"UNSUBSCRIBE": (do_UNSUBSCRIBE, *_a_name),
        b"LIST": (do_LIST, BoundedArguments.arg_astring, BoundedArguments.arg_list_mailbox),
        b"LSUB": (do_LSUB, BoundedArguments.arg_astring, BoundedArguments.arg_list_mailbox),
        b"STATUS": (do_STATUS, BoundedArguments.arg_astring, BoundedArguments.arg_plist),
        b"APPEND": (
            do_APPEND,
            BoundedArguments.arg_astring,
            BoundedArguments.opt_flaglist,
            BoundedArguments.opt_datetime,
            BoundedArguments.arg_literal,
        ),
    }
    commands: ClassVar[Mapping[str, Mapping[bytes, CommandEntry]]] = {
        "unauth": {**ImapConnection.commands["unauth"], b"NOOP": (do_NOOP,)},
        "auth": _with_account,
        "select": {
            **_with_account,
            b"CHECK": (do_CHECK,),
            b"CLOSE": (do_CLOSE,),
            b"UNSELECT": (do_UNSELECT,),
            b"EXPUNGE": (do_EXPUNGE,),
            b"SEARCH": (do_SEARCH, BoundedArguments.opt_charset, BoundedArguments.arg_searchkeys),
            b"FETCH": (do_FETCH, BoundedArguments.arg_seqset, BoundedArguments.arg_fetchatt),
            b"STORE": (
                do_STORE,
                BoundedArguments.arg_seqset,
                BoundedArguments.arg_atom,
                BoundedArguments.arg_flaglist,
            ),
            b"COPY": (do_COPY, BoundedArguments.arg_seqset, *_a_name),
        },
    }


def _parenthesized(flags: Iterable[str]) -> bytes:
    return b"(" + " ".join(flags).encode("ascii") + b")"


def _text(flags: Iterable[bytes]) -> list[str]:
    return [flag.decode("ascii") for flag in flags]
