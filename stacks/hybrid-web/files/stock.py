"""Answers over HTTP what is in stock. Started with the path of its settings."""

import configparser
import http.server
import json
import sys

settings = configparser.ConfigParser(interpolation=None)
if not settings.read(sys.argv[1]):
    sys.exit(f"there are no settings at {sys.argv[1]}")


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/stock":
            return self.answer({"tea": 12, "bread": 3, "client": settings["stock"]["client"]})
        # Nothing else of the folder: the settings are in it, too.
        self.path = "/index.html"
        super().do_GET()

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET


http.server.ThreadingHTTPServer(("", int(settings["stock"]["port"])), Handler).serve_forever()
