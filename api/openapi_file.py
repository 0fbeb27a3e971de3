"""``python -m api.openapi_file``: print the OpenAPI document, for tools that want it without a server."""

import sys

import msgspec

from api.rest import openapi
from api.rest.app import ENDPOINTS

if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(openapi.document(ENDPOINTS)))
