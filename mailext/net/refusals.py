"""What the exceptions of a site's objects say on the wire."""

from __future__ import annotations

from twisted.mail.smtp import SMTPServerError
from twisted.python.failure import Failure

from mailext.judgement import log_trouble
from mailext.values import SessionView
from mailext.wire import replies
from mailext.wire.replies import Reply

__all__ = ["refusal_of"]


def refusal_of(failure: Failure, default: Reply, session: SessionView) -> Reply:
    """
    The reply that an exception of a site's object asks for.

    :param failure: an ``SMTPServerError`` refuses with its own code, and with
        the enhanced status code that its text begins with. Anything else is
        an error of ours: it is logged and refuses for now (threats: trouble
        is a 4xx, never a 5xx).
    :param default: whose enhanced status code is used where the text has none.
    :param session: whose session it is about, for the log.
    """
    error = failure.value
    if not isinstance(error, SMTPServerError) or not 400 <= error.code < 600:
        log_trouble(failure, "a delivery object failed", session)
        return replies.LOCAL_ERROR
    enhanced = default.enhanced or "5.0.0"
    return Reply.parse_text(error.code, error.resp, default=f"{error.code // 100}{enhanced[1:]}")
