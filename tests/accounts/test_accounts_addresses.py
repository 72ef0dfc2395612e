"""The address book, asked as RCPT and MAIL ask it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.accounts.canonical import canonical_domain, canonical_mailbox
from mailext.values import Mailbox
from mailext.wire.grammar import parse_mailbox

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")


def book(**changes) -> AddressBook:
    arguments = {
        "domains": ["example.org", "example.net"],
        "accounts": ["ann@example.org", "bob@example.org"],
        "aliases": {},
    } | changes
    return AddressBook(**arguments)


def accounts_of(addresses: AddressBook, text: str) -> list[str]:
    return [str(account) for account in addresses.resolve(parse_mailbox(text)).accounts]


class TestCanonicalForm:
    @pytest.mark.parametrize(
        ("given_domain", "canonical"),
        [
            ("Example.ORG", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.Example", "xn--bcher-kva.example"),
            ("_mail.example.org", "_mail.example.org"),
        ],
    )
    def test_domain(self, given_domain, canonical):
        assert canonical_domain(given_domain) == canonical

    @pytest.mark.parametrize(
        "domain",
        [
            "",
            "[192.0.2.1]",
            "example..org",
            "example.org.",
            ".example.org",
            "-a.example",
            "a b.example",
            "example.org\n",
            "exa\0mple.org",
            # Compatibility forms of example.org, and of its full stop.
            "\uff45xample.org",
            "example。org",
            "eﬃcient.example",
            # KELVIN SIGN and LONG S would fold into k and s.
            "\u212aing.example",
            "\u017fite.example",
            "BÜCHER.example",
            "a" * 64 + ".example",
            ".".join(["a" * 60] * 5),
            "\ud800.example",
        ],
    )
    def test_no_domain(self, domain):
        with pytest.raises(ValueError):
            canonical_domain(domain)

    def test_only_ascii_letters_of_a_local_part_are_folded(self):
        assert canonical_mailbox(Mailbox("AnnÄ\u212a", "example.org")).local_part == "annÄ\u212a"

    @given(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30),
        st.from_regex(r"[A-Za-z0-9]{1,10}(\.[A-Za-z0-9]{1,10}){0,3}", fullmatch=True),
    )
    def test_it_is_reached_at_once_and_survives_being_written(self, local_part, domain):
        canonical = canonical_mailbox(Mailbox(local_part, domain))
        assert canonical_mailbox(canonical) == canonical
        assert canonical_mailbox(Mailbox(local_part.swapcase(), domain.upper())).domain == canonical.domain
        try:
            assert parse_mailbox(str(canonical)) == canonical
        except ValueError:
            with pytest.raises(ValueError):
                parse_mailbox(str(Mailbox(local_part, domain)))

    @given(st.text(max_size=20), st.text(max_size=20))
    def test_different_names_stay_different_unless_ascii_case_alone_differs(self, one, other):
        same = canonical_mailbox(Mailbox(one, "a")) == canonical_mailbox(Mailbox(other, "a"))
        as_ascii = (
            "".join(c.lower() if c.isascii() else c for c in one),
            "".join(c.lower() if c.isascii() else c for c in other),
        )
        assert same == (as_ascii[0] == as_ascii[1])


class TestResolution:
    def test_account_in_any_ascii_case(self):
        assert book().resolve(Mailbox("ANN", "Example.Org")).accounts == (ANN,)

    def test_unknown_and_remote(self):
        assert book().resolve(Mailbox("carol", "example.org")).kind is AddressKind.UNKNOWN
        assert book().resolve(Mailbox("ann", "example.com")).kind is AddressKind.REMOTE
        # The account is ann@example.org, not ann of any domain.
        assert book().resolve(Mailbox("ann", "example.net")).kind is AddressKind.UNKNOWN

    @pytest.mark.parametrize("literal", ["[127.0.0.1]", "[IPv6:::1]"])
    def test_address_literals_are_not_local(self, literal):
        assert book().resolve(Mailbox("ann", literal)).kind is AddressKind.REMOTE

    @pytest.mark.parametrize(
        "text",
        [
            "bob%example.net@example.org",
            "example.net!bob@example.org",
            '"bob@example.net"@example.org',
            '"ann@example.org"@example.org',
            '"@example.net:bob"@example.org',
            '"bob%example.org"@example.org',
        ],
    )
    def test_nothing_in_a_local_part_routes(self, text):
        assert book().resolve(parse_mailbox(text)).kind is AddressKind.UNKNOWN

    @pytest.mark.parametrize(
        "text",
        ["bob%example.org@example.com", "example.org!bob@example.com", '"bob@example.org"@example.com'],
    )
    def test_nothing_in_a_local_part_makes_it_local(self, text):
        assert book().resolve(parse_mailbox(text)).kind is AddressKind.REMOTE

    def test_quoting_is_no_part_of_the_name(self):
        assert accounts_of(book(), '"ann"@example.org') == ["ann@example.org"]
        assert accounts_of(book(), '"a\\nn"@example.org') == ["ann@example.org"]

    def test_look_alikes_are_somebody_else(self):
        addresses = book(accounts=["kim@example.org"])
        assert addresses.resolve(Mailbox("\u212aim", "example.org")).kind is AddressKind.UNKNOWN
        assert addresses.resolve(Mailbox("\uff4bim", "example.org")).kind is AddressKind.UNKNOWN

    def test_unicode_domain_is_its_a_label(self):
        addresses = book(domains=["bücher.example"], accounts=["ann@xn--bcher-kva.example"])
        assert accounts_of(addresses, "ann@bücher.example") == ["ann@xn--bcher-kva.example"]

    def test_subaddress(self):
        assert accounts_of(book(), "ann+lists+x@example.org") == ["ann@example.org"]
        assert book().resolve(Mailbox("+lists", "example.org")).kind is AddressKind.UNKNOWN
        assert book(delimiter="").resolve(Mailbox("ann+x", "example.org")).kind is AddressKind.UNKNOWN
        assert accounts_of(book(delimiter="-"), "ann-x@example.org") == ["ann@example.org"]

    def test_exact_beats_subaddress_beats_catch_all(self):
        addresses = book(
            aliases={"@example.org": ["ann"], "ann+sales@example.org": ["bob"], "ann+both": ["ann", "bob"]}
        )
        assert accounts_of(addresses, "ann+sales@example.org") == ["bob@example.org"]
        assert accounts_of(addresses, "ANN+Both@example.org") == ["ann@example.org", "bob@example.org"]
        assert accounts_of(addresses, "bob+other@example.org") == ["bob@example.org"]
        assert accounts_of(addresses, "nobody@example.org") == ["ann@example.org"]
        assert addresses.resolve(Mailbox("nobody", "example.net")).kind is AddressKind.UNKNOWN

    def test_aliases_expand_each_account_once(self):
        addresses = book(
            aliases={"all": ["staff", "ann@example.org"], "staff": ["ann+work", "bob", "Bob@EXAMPLE.org"]}
        )
        assert sorted(accounts_of(addresses, "all@example.org")) == ["ann@example.org", "bob@example.org"]

    def test_an_alias_beats_the_account_unless_it_names_it(self):
        addresses = book(aliases={"ann@example.org": ["bob"], "bob@example.org": ["bob", "bob+x", "ann"]})
        assert accounts_of(addresses, "ann@example.org") == ["bob@example.org"]
        assert accounts_of(addresses, "bob@example.org") == ["bob@example.org"]

    def test_loops_end(self):
        addresses = book(aliases={"a": ["b"], "b": ["c", "ann"], "c": ["a", "c"]})
        assert accounts_of(addresses, "a@example.org") == ["ann@example.org"]
        addresses = book(aliases={"a": ["b"], "b": ["a"], "c": ["c"]})
        assert addresses.resolve(Mailbox("a", "example.org")).kind is AddressKind.UNKNOWN
        assert addresses.resolve(Mailbox("c", "example.org")).kind is AddressKind.UNKNOWN

    def test_a_long_chain_is_no_recursion(self):
        chain = {f"a{number}": [f"a{number + 1}"] for number in range(5000)}
        addresses = book(aliases=chain | {"a5000": ["ann"]})
        assert accounts_of(addresses, "a0@example.org") == ["ann@example.org"]
        assert book(aliases=chain | {"a5000": ["a0"]}).resolve(Mailbox("a0", "example.org")).accounts == ()

    @given(
        st.dictionaries(
            st.sampled_from(["a", "b", "c", "ann", "@example.org", "postmaster"]),
            st.lists(
                st.sampled_from(["a", "b", "c", "ann", "bob", "nobody", "a+x", "postmaster"]), max_size=4
            ),
        ),
        st.sampled_from(["a", "b", "ann", "x", "postmaster", "ann+x"]),
    )
    def test_whatever_the_aliases_the_end_is_accounts_each_once(self, aliases, name):
        resolution = book(aliases=aliases).resolve(Mailbox(name, "example.org"))
        assert len(set(resolution.accounts)) == len(resolution.accounts)
        assert set(resolution.accounts) <= {ANN, BOB}
        assert (resolution.kind is AddressKind.LOCAL) == bool(resolution.accounts)


class TestPostmaster:
    def test_it_is_the_first_accounts(self):
        for mailbox in (
            Mailbox("postmaster", ""),
            Mailbox("PostMaster", ""),
            Mailbox("POSTMASTER", "example.net"),
            Mailbox("postmaster+x", "example.org"),
        ):
            assert book().resolve(mailbox).accounts == (ANN,)

    def test_account_or_alias_of_that_name_come_first(self):
        assert accounts_of(book(aliases={"postmaster": ["bob"]}), "Postmaster@example.org") == [
            "bob@example.org"
        ]
        addresses = book(accounts=["ann@example.org", "postmaster@example.org"])
        assert accounts_of(addresses, "postmaster@example.org") == ["postmaster@example.org"]
        assert addresses.resolve(Mailbox("postmaster", "")).accounts == (
            Mailbox("postmaster", "example.org"),
        )

    def test_it_is_no_matter_of_the_catch_all(self):
        addresses = book(aliases={"@example.org": ["bob"]})
        assert accounts_of(addresses, "postmaster@example.org") == ["ann@example.org"]

    def test_the_first_account_has_a_mailbox_here(self):
        addresses = book(accounts=["zoe@example.com", "bob@example.org"])
        assert addresses.resolve(Mailbox("postmaster", "")).accounts == (BOB,)

    def test_without_accounts_it_is_nobodys(self):
        assert book(accounts=[]).resolve(Mailbox("postmaster", "")).kind is AddressKind.UNKNOWN
        assert AddressBook([]).resolve(Mailbox("postmaster", "")).kind is AddressKind.REMOTE


class TestOwnership:
    def test_own_address_and_subaddresses(self):
        assert book().owns(ANN, Mailbox("Ann", "EXAMPLE.org"))
        assert book().owns(ANN, Mailbox("ann+x", "example.org"))
        assert not book().owns(ANN, BOB)
        assert not book().owns(ANN, Mailbox("ann", "example.net"))
        assert not book().owns(ANN, Mailbox("ann", "example.com"))
        assert not book().owns(ANN, Mailbox("ann", "[192.0.2.1]"))

    def test_aliases_that_lead_to_it_alone_or_with_others(self):
        addresses = book(
            aliases={"info": ["ann", "bob"], "sales@example.net": ["info"], "@example.net": ["bob"]}
        )
        info, sales = Mailbox("info", "example.org"), Mailbox("sales", "example.net")
        assert all(addresses.owns(who, what) for who in (ANN, BOB) for what in (info, sales))
        assert addresses.owns(BOB, Mailbox("whatever", "example.net"))
        assert not addresses.owns(ANN, Mailbox("whatever", "example.net"))

    def test_an_alias_does_not_take_an_account_its_own_address(self):
        assert book(aliases={"bob": ["ann"]}).owns(BOB, BOB)

    def test_an_account_of_another_checker_owns_just_its_address(self):
        addresses = book(aliases={"info": ["carol", "ann"]})
        carol = Mailbox("carol", "example.org")
        assert addresses.owns(carol, Mailbox("Carol", "example.org"))
        assert not addresses.owns(carol, Mailbox("carol+x", "example.org"))
        assert not addresses.owns(carol, Mailbox("info", "example.org"))


class TestNames:
    def test_without_at_it_is_of_the_first_domain(self):
        assert book().account_named("Ann") == ANN
        assert book().account_named("ann smith") == Mailbox("ann smith", "example.org")
        assert book().account_named("Ann@Example.NET") == Mailbox("ann", "example.net")

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "@",
            "@example.org",
            "ann@",
            "a\0b",
            "a\rb@example.org",
            "ann@[192.0.2.1]",
            "a@b@c",
            "ä" * 33,
            "a\x85",
        ],
    )
    def test_no_account_has_such_a_name(self, name):
        with pytest.raises(ValueError):
            book().account_named(name)

    def test_without_domains_a_name_means_nothing(self):
        with pytest.raises(ValueError, match="no domain"):
            AddressBook([]).account_named("ann")

    def test_has_account(self):
        assert book(aliases={"info": ["ann"]}).has_account(Mailbox("ANN", "example.org"))
        assert not book(aliases={"info": ["ann"]}).has_account(Mailbox("info", "example.org"))
        assert not book().has_account(Mailbox("ann+x", "example.org"))
        assert not book().has_account(Mailbox("ann", "[192.0.2.1]"))


class TestProblems:
    def test_none(self):
        assert book(aliases={"info": ["ann", "info"], "@example.net": ["nobody", "ann"]}).problems() == []

    @pytest.mark.parametrize(
        ("aliases", "key", "reason"),
        [
            ({"info": ["ann", "x@[192.0.2.1]"]}, 'aliases."info"', "not a domain name"),
            ({"x@example.com": ["ann"]}, 'aliases."x@example.com"', "example.com is not delivered here"),
            ({"@example.com": ["ann"]}, 'aliases."@example.com"', "example.com is not delivered here"),
            ({"in fo@example.org": ["ann"]}, 'aliases."in fo@example.org"', "not a mailbox"),
            ({"info": ["a@@b"]}, 'aliases."info"', "not a mailbox"),
            ({"@": ["ann"]}, 'aliases."@"', "not a domain name"),
            (
                {"info": ["ann"], "INFO@example.org": ["bob"]},
                'aliases."INFO@example.org"',
                'same address as aliases."info"',
            ),
        ],
    )
    def test_aliases_that_cannot_be(self, aliases, key, reason):
        [problem] = book(aliases=aliases).problems()
        assert problem.key == key
        assert reason in problem.reason

    def test_a_target_elsewhere_keeps_its_spelling(self):
        addresses = book(aliases={"info": ["ann", "Zoe@Example.COM"], "all": ["info"]})
        assert addresses.problems() == []
        assert not any("info" in remark.key for remark in addresses.remarks())
        for name in ("info", "all"):
            found = addresses.resolve(Mailbox(name, "example.org"))
            assert found.kind is AddressKind.LOCAL
            assert found.accounts == (ANN,)
            assert found.elsewhere == (Mailbox("Zoe", "Example.COM"),)

    def test_loops(self):
        problems = book(aliases={"a": ["b"], "b": ["c"], "c": ["a+x"], "d": ["a"], "e": ["e"]}).problems()
        assert [problem.key for problem in problems] == ['aliases."a"', 'aliases."b"', 'aliases."c"']
        assert "leads back to itself" in problems[0].reason

    def test_domains(self):
        [problem] = AddressBook(["example.org", "not a domain"]).problems()
        assert problem.key == "domains"

    def test_an_account_with_an_impossible_address_is_a_fault_of_the_caller(self):
        with pytest.raises(ValueError):
            book(accounts=["not an address@"])

    def test_remarks_are_about_accounts(self):
        addresses = book(
            accounts=["ann@example.org", "zoe@example.com"],
            aliases={"info": ["nobody", "ann"], "self": ["self"], "postmaster@example.net": ["ann"]},
        )
        assert addresses.problems() == []
        reasons = {(remark.key, remark.reason) for remark in addresses.remarks()}
        assert reasons == {
            ("domains", "zoe@example.com gets no mail: example.com is not among them"),
            ('aliases."info"', "nobody@example.org leads to no account"),
            ('aliases."self"', "self@example.org leads to no account"),
            ("domains", "postmaster@example.org is no account or alias: mail for it goes to ann@example.org"),
        }
        [remark] = book(domains=["example.org"], accounts=[]).remarks()
        assert remark.reason.endswith("it leads to nobody")
