"""An idempotency key names one request, so each request here has a key of its own."""
import re
import uuid

import schemathesis

VALID = re.compile(r"[!-~]([ -~]*[!-~])?")


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None and len(key) <= 128 and VALID.fullmatch(key):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
