"""Posts each line of the standard input, several at once, and prints the line and the code of its answer.

Arguments: the URI, how many at once. A line `*N` stands for a body of N octets, which goes over in blocks.
"""

import asyncio
import sys

import aiocoap


async def main(uri, at_once):
    context = await aiocoap.Context.create_client_context()
    free = asyncio.Semaphore(at_once)

    async def post(line):
        body = b"x" * int(line[1:]) if line.startswith("*") else line.encode()
        async with free:
            request = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=body)
            try:
                code = (await context.request(request).response).code.dotted
            except aiocoap.error.Error as error:
                code = type(error).__name__
            print(line, code, flush=True)

    await asyncio.gather(*(post(line.strip()) for line in sys.stdin))
    await context.shutdown()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
