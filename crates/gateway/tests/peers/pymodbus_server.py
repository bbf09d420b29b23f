"""A server of pymodbus: input registers 0 to 199 of unit 17 hold 1000 and on, holding registers 2000 and on.

Arguments: `tcp PORT`, or `serial DEVICE BAUD`."""
import asyncio
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer


async def main():
    # The first address of a block is the one in front of the first register.
    device = ModbusDeviceContext(
        ir=ModbusSequentialDataBlock(1, list(range(1000, 1200))),
        hr=ModbusSequentialDataBlock(1, list(range(2000, 2200))),
    )
    context = ModbusServerContext(devices={17: device}, single=False)
    kind, where, *rest = sys.argv[1:]
    if kind == "tcp":
        await StartAsyncTcpServer(context, address=("127.0.0.1", int(where)))
    else:
        await StartAsyncSerialServer(context, port=where, baudrate=int(rest[0]))


asyncio.run(main())
