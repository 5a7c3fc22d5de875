"""A client whose plugin floods its PeerConnection: calls the plugin, says which handle that is, and stays until its input ends."""

import asyncio
import json
import sys

from call import EchoCall
from signalling import Connection


async def main(url, package):
    connection = await Connection.open(url)
    session = await connection.create()
    call = await EchoCall(await session.attach(package)).start()
    await call.media_returns(5)
    await call.data_open()
    print(json.dumps({"session_id": session.id, "handle_id": call.handle.id}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await call.close()
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
