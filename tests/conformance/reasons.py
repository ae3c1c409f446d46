"""Why nginx does something else; these stand in the table of differences."""

ASTERISK = (
    "A request about the server as a whole goes on to the endpoint, as RFC 9112 "
    "section 3.2.4 wants it of a proxy. nginx serves no asterisk."
)

BADHOST = "Not a host and a port (RFC 3986 section 3.2); nginx looks for less."

CHUNK = (
    "The grammar of chunks has no blanks, and no bytes that nobody reads; nginx "
    "skips them."
)

CODING = (
    "Refused by both. To nginx every coding but `chunked` is one it does not "
    "know; here some break the grammar first."
)

CONTINUE = (
    "The 100 is the endpoint's to give, and this one gives none; nginx gives its "
    "own at once, before it knows whether the body is wanted."
)

CONTINUE_TWICE = (
    "nginx gives a 100 of its own, and takes the endpoint's for the final answer."
)

CONTROL = (
    "Not in a value (RFC 9110 section 5.5). nginx passes it on, for the endpoint "
    "to refuse, and answers 502."
)

CR = "nginx takes CR CR LF for a line end; here a CR has nothing but LF behind it."

EARLY = "Refused by both: here by the limit of bodies, in nginx as no number."

EMPTY = (
    "The parser skips an empty line before an answer; nginx takes all of it for "
    "an answer of HTTP/0.9."
)

EXPECT = (
    "An expectation nobody knows is refused (RFC 9110 section 10.1.1); nginx "
    "ignores it."
)

FIRM = (
    "nginx believes a model server: it takes the first of two, or what it makes "
    "of it, and passes it on. Here a framing that two readers may read "
    "differently is a 502, or a cut once the head has passed."
)

FRAGMENT = (
    "A fragment is never sent (RFC 9112 section 3.2): whoever cuts it off sees "
    "another target."
)

HALF = "Sent once: an answer had begun. nginx asks the next server, here the same."

HOST = "Allowed by the grammar of Host (RFC 9110 section 7.2), which nginx narrows."

HUGE = (
    "Read here as a number of 64 bits, and its bytes are counted as they come, "
    "until the limit of bodies. What passes on has sizes of our own."
)

INTERIM = (
    "nginx 1.22 takes an interim answer for the final one, and what follows for "
    "its body."
)

INTERIM_BODY = (
    "An interim answer has no body (RFC 9110 section 15.2): what stands there is "
    "read by others as the beginning of the next answer."
)

LASTLINE = (
    "nginx takes a body for whole before the last line of its trailers; here the "
    "request waits for that."
)

LF = (
    "A server may take a bare LF for a line end (RFC 9112 section 2.2), or not: "
    "two that differ read two messages. Here none is taken."
)

METHOD = (
    "The parser knows methods by name. What a method does to the framing of its "
    "answer must be known."
)

NAME = (
    "A name is a token (RFC 9110 section 5.1). nginx leaves the line out, and "
    "serves the rest."
)

OLD = "HTTP/0.9 has no heads, and no status to refuse with; nginx still speaks it."

PATH = (
    "nginx reads the path, to find its `location`. Here it passes as it came; "
    "`match.paths` compares bytes, so a rule about paths is no wall: the "
    "endpoint's own checks count."
)

RTSP = "The parser takes RTSP/1.0 for HTTP/1.0; what is passed on says HTTP/1.1."

SCHEME = "What is served here is http, or https where TLS ends here."

STATUS = "Refused by both, with another status."

SWITCH = "Nobody asked for another protocol, or for this one; nginx passes it on."

TAB = "A tab may stand before a value (RFC 9110 section 5.5). nginx takes none there."

TEXT = "nginx passes on what is no HTTP, or no text, as if it were. Here it is a 502."

TRAILER = (
    "nginx drops trailers unread. Here they pass on, so they must be fields, and "
    "none that frame a message."
)

URI = "A target is ASCII (RFC 3986); nginx passes other letters on as they are."

VERSION = (
    "The parser knows 1.0, 1.1 and no version that never was; nginx takes any "
    "minor for 1.1."
)
