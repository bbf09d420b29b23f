"""A client of pymodbus: reads registers and prints them. Arguments: `tcp PORT` or `serial DEVICE`, unit, address, count."""
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient

kind, where, unit, address, count = sys.argv[1:]
if kind == "tcp":
    client = ModbusTcpClient("127.0.0.1", port=int(where))
else:
    client = ModbusSerialClient(where, baudrate=9600)
assert client.connect()
read = client.read_holding_registers(int(address), count=int(count), device_id=int(unit))
print("exception", read.exception_code) if read.isError() else print(*read.registers)
client.close()
