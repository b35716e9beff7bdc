"""Loads STAC files into a database, then serves it as a STAC API (stac-fastapi over pgstac).

usage: python -c … HOST PORT USER DATABASE FILE…    prints the port that it listens on, then serves until stdin ends
"""

import asyncio
import json
import os
import socket
import sys
import threading

host, port, user, database, *files = sys.argv[1:]
os.environ.update(PGHOST=host, PGPORT=port, PGUSER=user, PGDATABASE=database, PGPASSWORD="none")

from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods
from pypgstac.migrate import Migrate

with PgstacDB() as db:
    Migrate(db).run_migration()
    loader = Loader(db)
    for path in files:
        with open(path) as file:
            document = json.load(file)
        if document["type"] == "Collection":
            loader.load_collections(iter([document]), insert_mode=Methods.upsert)
        else:
            items = document["features"] if document["type"] == "FeatureCollection" else [document]
            loader.load_items(iter(items), insert_mode=Methods.upsert)

import uvicorn
from stac_fastapi.pgstac.app import create_app

listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
# Whoever started this has gone when stdin ends.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(listening.getsockname()[1], flush=True)
server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
asyncio.run(server.serve(sockets=[listening]))
