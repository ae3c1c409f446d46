"""Who follows the journal goes on through what passes, and is told what does not."""

import pytest

from gateway.cli import journal
from gateway.cli.admin_api import AdminApi, AdminRefused, AdminUnreachable
from gateway.cli.views import EntryView

_GONE = AdminUnreachable("Nothing answers.", remedy="Start it.")
_NO_STORE = AdminRefused(503, "The journal cannot be read now.")
_NO_TOKEN = AdminRefused(401, "Send a token.")


class _Api(AdminApi):
    """Answers, or fails, as it was told; the last for ever."""

    def __init__(self, *answers: int | Exception) -> None:
        super().__init__("127.0.0.1:1")
        self.asked: list[int] = []
        self._answers = [*answers]

    def journal(
        self, service: str | None, *, after: int, limit: int, raw: bool = False
    ) -> object:
        del service, limit, raw
        self.asked.append(after)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"entries": [_entry(answer)] if answer else []}


def _entry(seq: int) -> dict[str, object]:
    return {"seq": seq, "at": "now", "service": "chat", "kind": "moved", "body": {}}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_LOOK_EVERY_S", 0.0)


def test_a_restart_and_a_lost_store_are_waited_out() -> None:
    """Nothing is told twice, and nothing is left out."""
    api = _Api(3, 5, 0, _GONE, _NO_STORE, 0, 9, _NO_TOKEN)
    told: list[object] = []
    with pytest.raises(AdminRefused, match="Send a token"):
        told.extend(entry["seq"] for entry in journal._entries(api, None, follow=True))

    assert told == [3, 5, 9]
    assert api.asked == [0, 3, 5, 5, 5, 5, 5, 9]


def test_who_does_not_follow_is_told_at_once_what_is_wrong() -> None:
    with pytest.raises(AdminUnreachable):
        list(journal._entries(_Api(3, _GONE), None, follow=False))

    whole = journal._entries(_Api(3, 5, 0), None, follow=False)
    assert [entry["seq"] for entry in whole] == [3, 5]


def test_a_line_steers_no_terminal() -> None:
    """Reasons are what people and programs have sent."""
    body: dict[str, object] = {
        "said": "Moved.",
        "reason": "\x1b]0;title\x07 it \x9b2J was time",
    }
    view = EntryView(seq=1, at="now", service="chat", kind="moved", body=body)

    told = journal.line(view)

    assert told.isprintable()
    assert "it" in told
    assert "was time" in told
