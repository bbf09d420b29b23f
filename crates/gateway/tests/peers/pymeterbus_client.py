"""A master of pyMeterBus at a serial port: pings, selects and reads, and prints what it reads. Arguments: the device, and
the primary address or the 16 digits of a secondary one."""
import sys

import meterbus
import serial

device, address = sys.argv[1:]
# A pseudo-terminal has no check bit.
with serial.Serial(device, 2400, 8, "N", 1, timeout=1) as port:
    if len(address) == 16:
        meterbus.send_select_frame(port, address)
        target = meterbus.ADDRESS_NETWORK_LAYER
    else:
        target = int(address)
        meterbus.send_ping_frame(port, target)
    acknowledged = meterbus.load(meterbus.recv_frame(port, 1))
    assert isinstance(acknowledged, meterbus.TelegramACK), acknowledged
    meterbus.send_request_frame_multi(port, target)
    frame = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    print(frame.to_JSON())
    assert frame.more_records_follow
