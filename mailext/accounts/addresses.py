"""
The address book: what an address leads to, answered from memory.

Exact beats subaddress beats catch-all, and an alias beats the account of the
same address; an alias that names itself means that account. ``postmaster`` is
always somebody's (RFC 5321 section 4.5.1). A local part has no meaning beyond
that: percent, bang and a quoted ``@`` route nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from mailext.accounts.canonical import canonical_domain, canonical_mailbox
from mailext.values import Mailbox
from mailext.wire.grammar import parse_mailbox

__all__ = ["AddressBook", "AddressKind", "AddressProblem", "Resolution"]

_POSTMASTER = "postmaster"
# RFC 5321 section 4.5.3.1.1.
_MAXIMUM_LOCAL_PART = 64
# How many answers a book remembers: an address is asked for at each step of its
# message's way.
_REMEMBERED = 1024


class AddressKind(Enum):
    """What an address is to this server."""

    #: It leads somewhere: to accounts, or to mailboxes elsewhere.
    LOCAL = auto()
    #: Its domain is delivered here, but it leads to nobody.
    UNKNOWN = auto()
    #: Its domain is not delivered here.
    REMOTE = auto()


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    What an address leads to.

    :param accounts: the canonical addresses of the accounts, each once.
    :param elsewhere: where else an alias leads to, on other servers.
    """

    kind: AddressKind
    accounts: tuple[Mailbox, ...] = ()
    elsewhere: tuple[Mailbox, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressProblem:
    """
    A configured address that cannot mean what it says.

    :param key: the configuration key, for example ``aliases."info@example.org"``.
    :param reason: what is wrong with it, in words.
    """

    key: str
    reason: str


class AddressBook:
    """
    A snapshot of domains, accounts and aliases. A domain, alias or target that
    makes no sense is left out and told of by :meth:`problems`.

    :param domains: the domains delivered here; the first completes a name
        without ``@``.
    :param accounts: the addresses of the accounts, the oldest first.
    :param aliases: the targets of each alias. An alias is an address, a name
        without ``@``, or ``@domain`` for a catch-all. A target may be on
        another server.
    :param delimiter: what begins the detail of a subaddress; empty for none.
    :param programs: the addresses whose mail goes into programs. Each stands
        for itself, as that of an account, and nobody logs in as it.
    :raise ValueError: if an account's address cannot be one.
    """

    def __init__(
        self,
        domains: Sequence[str],
        accounts: Iterable[str] = (),
        aliases: Mapping[str, Sequence[str]] | None = None,
        delimiter: str = "+",
        programs: Iterable[str] = (),
    ) -> None:
        self._delimiter = delimiter
        self._problems: list[AddressProblem] = []
        self._remembered = lru_cache(_REMEMBERED)(self._resolve)
        # Dictionaries for their order.
        self._domains: dict[str, None] = {}
        for domain in domains:
            try:
                self._domains[canonical_domain(domain)] = None
            except ValueError as error:
                self._problems.append(AddressProblem("domains", str(error)))
        self._accounts = dict.fromkeys(map(self.account_named, accounts))
        self._first_account = next((each for each in self._accounts if each.domain in self._domains), None)
        self._programs: dict[Mailbox, None] = {}
        for program in programs:
            self._add_program(program)
        self._aliases: dict[Mailbox, tuple[Mailbox, ...]] = {}
        self._alias_keys: dict[Mailbox, str] = {}
        for name, targets in (aliases or {}).items():
            self._add_alias(name, targets)

    def _add_program(self, name: str) -> None:
        try:
            self._programs[self._local_address(name)] = None
        except ValueError as error:
            self._problems.append(AddressProblem(f'programs."{name}"', str(error)))

    def _is_mailbox(self, address: Mailbox) -> bool:
        return address in self._accounts or address in self._programs

    def _add_alias(self, name: str, targets: Sequence[str]) -> None:
        key = f'aliases."{name}"'
        try:
            alias = self._alias_named(name)
        except ValueError as error:
            self._problems.append(AddressProblem(key, str(error)))
            return
        if alias in self._aliases:
            self._problems.append(AddressProblem(key, f"the same address as {self._alias_keys[alias]}"))
            return
        mailboxes = []
        for text in targets:
            try:
                mailboxes.append(self._target(text))
            except ValueError as error:
                self._problems.append(AddressProblem(key, str(error)))
        self._aliases[alias] = tuple(mailboxes)
        self._alias_keys[alias] = key

    def _alias_named(self, name: str) -> Mailbox:
        if not name.startswith("@"):
            return self._local_address(name)
        catch_all = Mailbox("", canonical_domain(name[1:]))
        self._require_local(catch_all)
        return catch_all

    def _local_address(self, name: str) -> Mailbox:
        address = self.account_named(name)
        self._require_local(address)
        return address

    def _require_local(self, address: Mailbox) -> None:
        if address.domain not in self._domains:
            raise ValueError(f"{address.domain} is not delivered here")

    def _target(self, text: str) -> Mailbox:
        address = self.account_named(text)
        # The local part of a mailbox elsewhere is not ours to fold.
        return address if address.domain in self._domains else parse_mailbox(text)

    def account_named(self, name: str) -> Mailbox:
        """
        The address that a user name means: a name without ``@`` is of the
        first domain. It says nothing about whether there is such an account.

        :raise ValueError: if it cannot be the address of an account.
        """
        if "@" in name:
            mailbox = canonical_mailbox(parse_mailbox(name))
        elif self._domains:
            # To and fro, for the grammar of what Mailbox would quote.
            mailbox = canonical_mailbox(parse_mailbox(str(Mailbox(name, next(iter(self._domains))))))
        else:
            raise ValueError("there is no domain to complete the name")
        if not 0 < len(mailbox.local_part.encode()) <= _MAXIMUM_LOCAL_PART:
            raise ValueError(f"a local part has 1 to {_MAXIMUM_LOCAL_PART} octets")
        return mailbox

    def has_account(self, mailbox: Mailbox) -> bool:
        """Whether this is the address of an account, aliases left aside."""
        try:
            return canonical_mailbox(mailbox) in self._accounts
        except ValueError:
            return False

    def resolve(self, mailbox: Mailbox) -> Resolution:
        """What the address leads to."""
        return self._remembered(mailbox)

    def _resolve(self, mailbox: Mailbox) -> Resolution:
        # RFC 5321 section 4.1.1.3: the bare <postmaster>.
        if not mailbox.domain and self._domains:
            mailbox = Mailbox(mailbox.local_part, next(iter(self._domains)))
        try:
            address = canonical_mailbox(mailbox)
        except ValueError:
            return Resolution(AddressKind.REMOTE)
        if address.domain not in self._domains:
            return Resolution(AddressKind.REMOTE)
        reached = tuple(dict.fromkeys(self._expand(address)))
        accounts = tuple(each for each in reached if each.domain in self._domains)
        elsewhere = tuple(each for each in reached if each.domain not in self._domains)
        return Resolution(AddressKind.LOCAL if reached else AddressKind.UNKNOWN, accounts, elsewhere)

    def owns(self, account: Mailbox, mailbox: Mailbox) -> bool:
        """
        Whether the account may call the address its own: it is the account's,
        a subaddress of it, or leads to it, alone or with others. An account of
        a foreign checker, which this book does not list, owns just its address.

        :param account: a canonical address, as :meth:`account_named` gives it.
        """
        try:
            address = canonical_mailbox(mailbox)
        except ValueError:
            return False
        if address == account:
            return True
        if account not in self._accounts:
            return False
        return self._without_detail(address) == account or account in self.resolve(address).accounts

    def problems(self) -> list[AddressProblem]:
        """What is wrong with domains and aliases, whatever accounts there are."""
        loops = [
            AddressProblem(self._alias_keys[alias], "the alias leads back to itself")
            for alias in self._aliases
            if self._leads_back(alias)
        ]
        return self._problems + loops

    def remarks(self) -> list[AddressProblem]:
        """What an operator should know of the accounts as they are."""
        remarks = [
            AddressProblem("domains", f"{account} gets no mail: {account.domain} is not among them")
            for account in self._accounts
            if account.domain not in self._domains
        ]
        remarks += [
            AddressProblem(f'programs."{address}"', "the program gets the mail of the account of this name")
            for address in self._programs
            if address in self._accounts
        ]
        for alias, targets in self._aliases.items():
            remarks += [
                AddressProblem(self._alias_keys[alias], f"{target} leads to no account")
                for target in targets
                if not (self._is_mailbox(target) if target == alias else any(self._expand(target)))
            ]
        for domain in self._domains:
            address = Mailbox(_POSTMASTER, domain)
            if self._named(address) is None:
                whose = (
                    f"mail for it goes to {self._first_account}"
                    if self._first_account
                    else "it leads to nobody"
                )
                remarks.append(AddressProblem("domains", f"{address} is no account or alias: {whose}"))
        return remarks

    def _without_detail(self, address: Mailbox) -> Mailbox:
        if not self._delimiter:
            return address
        name, _, _ = address.local_part.partition(self._delimiter)
        return Mailbox(name, address.domain) if name else address

    def _named(self, address: Mailbox) -> Mailbox | None:
        for candidate in (address, self._without_detail(address)):
            if candidate in self._aliases or self._is_mailbox(candidate):
                return candidate
        return None

    def _entry(self, address: Mailbox) -> Mailbox | None:
        if address.domain not in self._domains:
            return address
        if named := self._named(address):
            return named
        if self._first_account and self._without_detail(address).local_part == _POSTMASTER:
            return self._first_account
        catch_all = Mailbox("", address.domain)
        return catch_all if catch_all in self._aliases else None

    def _expand(self, address: Mailbox) -> Iterator[Mailbox]:
        pending = deque(entry for entry in [self._entry(address)] if entry)
        seen = set(pending)
        while pending:
            name = pending.popleft()
            if name not in self._aliases:
                yield name
                continue
            for target in self._aliases[name]:
                entry = self._entry(target)
                if entry == name and self._is_mailbox(name):
                    yield name
                elif entry and entry not in seen:
                    seen.add(entry)
                    pending.append(entry)

    def _leads_back(self, alias: Mailbox) -> bool:
        pending = deque(self._followed_by(alias))
        seen: set[Mailbox] = set()
        while pending:
            name = pending.popleft()
            if name == alias:
                return True
            if name not in seen:
                seen.add(name)
                pending.extend(self._followed_by(name))
        return False

    def _followed_by(self, name: Mailbox) -> Iterator[Mailbox]:
        """The names that an alias names; itself stands for the account, and leads nowhere."""
        reached = map(self._named, self._aliases.get(name, ()))
        return (entry for entry in reached if entry and entry != name)
