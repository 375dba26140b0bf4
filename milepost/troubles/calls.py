"""Refusals of a call as a whole, by Xero or a job system: by status, and where it matters by what the answer says."""

from milepost.troubles.kinds import Does, Known

UNKNOWN = Known(
    "xero_refused",
    Does.HOLD,
    "Xero refused it for a reason that is not in this table. Its words are shown whole.",
    "Correct what Xero names, in the job system or the rule book, then bill the job again.",
)

XERO_CALLS = (
    Known(
        "xero_refused",
        Does.BUG,
        "400: the body could not be read.",
        "Report this with the run's log.",
        says=(
            "JSON request body could not be read, Error ...",
            "JSON for post data was invalid,Could not convert string to DateTime",
            "No property or field 'x' exists in type '...' (at index 0)",
        ),
    ),
    Known(
        "xero_refused",
        Does.HOLD,
        "400 HighVolumeException, 413: too much was asked for or sent at once.",
        "Parcels are halved until the odd one is alone; shorten that job's lines.",
        says=("HighVolumeException",),
    ),
    Known(
        "reconnect",
        Does.RETRY,
        "401: the access token has run out. It is renewed at once, and the call repeated.",
        "Nothing to do.",
        says=("TokenExpired: token expired at 02/20/2025 08:32:50",),
    ),
    Known(
        "reconnect",
        Does.RECONNECT,
        "401: Xero does not accept the sign-in any more, or it lacks a scope.",
        "`milepost connection connect NAME`; where a scope is named, give it to the app first.",
        says=("AuthenticationUnsuccessful", "AuthorizationUnsuccessful"),
    ),
    Known(
        "reconnect",
        Does.RECONNECT,
        "403: the organisation is not connected to the app, its plan has ended, or the user's role is too low.",
        "`milepost connection connect NAME`; see the user's role and the plan in Xero.",
        says=("AuthenticationUnsuccessful",),
    ),
    Known(
        "reconnect",
        Does.RECONNECT,
        "The refresh token is dead: unused for 60 days, or used twice.",
        "`milepost connection connect NAME`.",
        says=("invalid_grant",),
    ),
    Known(
        "xero_refused",
        Does.HOLD,
        "404: what the call speaks of is not in this organisation.",
        "Check that the connection names the right organisation.",
        says=("The resource you're looking for cannot be found",),
    ),
    Known(
        "xero_refused",
        Does.BUG,
        "412, 501: the call itself is wrong.",
        "Report this with the run's log.",
        says=("ApiMethodNotImplementedException",),
    ),
    Known(
        "rate_limited",
        Does.RETRY,
        "429: the minute's or the day's calls are used up, or too many run at once.",
        "Nothing to do: it goes on when the limit opens, and uses no try.",
    ),
    Known(
        "remote_failed",
        Does.RETRY,
        "408, 500, 502, 503, 504: Xero has trouble; or the answer was lost, and it is known by now that nothing was made.",
        "Nothing to do; status.xero.com tells whether Xero has trouble.",
        says=(
            "An unhandled error with the Xero API occurred. Contact the Xero API team if problems persist",
            "API is currently unavailable",
            "organisation offline",
        ),
    ),
)

_EVERY = (
    Known("AuthError", Does.RECONNECT, "401: the key or token is not accepted.", "Check the key, or reconnect."),
    Known("RemoteError", Does.HOLD, "403: the key or app may not do this.", "Give the key or app the permission."),
    Known(
        "RemoteError",
        Does.HOLD,
        "404: the path or record does not exist.",
        "Check the path, and that the record still exists.",
    ),
    Known("RateLimited", Does.RETRY, "429: its limit of calls is reached.", "Nothing to do: it goes on by itself."),
    Known(
        "RemoteError",
        Does.RETRY,
        "408, 425, 500, 502, 503, 504, or no answer: it is away.",
        "Nothing to do: the poll stops, and the next one misses nothing.",
    ),
    Known(
        "RemoteError",
        Does.HOLD,
        "A redirect, an HTML page instead of JSON, an answer that is too large.",
        "Check the address in the connection file; it must be the API's own.",
    ),
    Known("job_unreadable", Does.HOLD, "One job's record cannot be read.", "Mend the field that the alert names."),
)

PLATFORM_CALLS = {
    "Every job system": _EVERY,
    "ServiceM8": (
        Known(
            "AuthError",
            Does.RECONNECT,
            "The refresh token, or the app's id and secret, are not accepted.",
            "Connect ServiceM8 again and put the new refresh token in the connection file.",
        ),
        Known(
            "RateLimited",
            Does.RETRY,
            "180 calls a minute or 20,000 a day are used up.",
            "Nothing to do: it goes on by itself.",
            says=("Number of allowed API requests per minute exceeded",),
        ),
    ),
    "Declared systems": (
        Known(
            "AuthError",
            Does.RECONNECT,
            "The token endpoint gave no token for the client id and secret.",
            "Check the client id, the client secret and the token URL.",
        ),
        Known(
            "RemoteError",
            Does.HOLD,
            "The description does not fit what the system answers (paging, fields, cursor).",
            "Correct the description at the place that is named: `milepost platform try`.",
        ),
    ),
    "CSV": (
        Known(
            "RemoteError",
            Does.HOLD,
            "A file is missing, or not UTF-8, or lacks a column.",
            "Put the file where the connection looks for it, with the columns that are named.",
        ),
        Known(
            "job_unreadable",
            Does.HOLD,
            "A cell holds no number or date.",
            "Mend the cell at the place that the alert names.",
        ),
    ),
}
