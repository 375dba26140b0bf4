from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from notifications.mails import Mail, resolved_mail, run_mail
from tests.unit.notifications.builders import summary, trouble

TWO = [trouble(), trouble(job="1490", status="failed", amount=None, fix="", links={})]


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(run_mail("kauri", summary(), TWO, more=3, told_before=1), id="run"),
        pytest.param(run_mail("kauri", None, TWO[:1]), id="without-summary"),
        pytest.param(resolved_mail("kauri", TWO[:1]), id="resolved-one"),
        pytest.param(resolved_mail("kauri", TWO), id="resolved-two"),
    ],
)
def test_mails_look_as_they_did(mail: Mail, snapshot: SnapshotAssertion) -> None:
    assert f"Subject: {mail.subject}\n\n{mail.text}\n{mail.html}" == snapshot


class Tags(HTMLParser):
    """The tags of a page, and the addresses it links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.addresses: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [value for name, value in attrs if name in {"href", "src"}]


@given(st.text() | st.sampled_from(["<script>alert(1)</script>", "\nBcc: all@example.com", '"><img src=x>']))
def test_no_text_adds_a_tag_a_link_or_a_header(text: str) -> None:
    def mail(words: str) -> Mail:
        told = trouble(job=f"1{words}", why=words, fix=f"1{words}", links={"job": f"javascript:{words}"})
        return run_mail("kauri", summary(rule_book=words), [told])

    usual = Tags(mail("words").html)
    nasty = mail(text)
    assert Tags(nasty.html).seen == usual.seen
    assert Tags(nasty.html).addresses == usual.addresses
    assert len(nasty.subject.splitlines()) == 1


def test_several_troubles_without_a_summary_are_counted_in_the_subject() -> None:
    assert run_mail("kauri", None, TWO, more=3).subject == "kauri: 5 jobs need a look"
