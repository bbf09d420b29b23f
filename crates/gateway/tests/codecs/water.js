// A water meter made up for the tests: litres in four octets, millivolts in two, flags in one.
var PORT = 2;

function decodeUplink(input) {
  if (input.fPort !== PORT) return { errors: ['unknown port ' + input.fPort] };
  if (input.bytes.length < 7) return { errors: ['short payload: ' + input.bytes.length + ' octets'] };
  var buffer = Buffer.from(input.bytes);
  var data = { litres: buffer.readUInt32LE(0), battery: buffer.readUInt16LE(4) / 1000, leak: (input.bytes[6] & 1) === 1 };
  if (input.recvTime) data.received = input.recvTime.toISOString();
  if (input.variables.site) data.site = input.variables.site;
  return { data: data, warnings: data.battery < 3 ? ['battery low'] : [] };
}

function normalizeUplink(input) {
  return {
    data: { metering: { water: { total: input.data.litres } }, battery: input.data.battery, water: { leak: input.data.leak } },
  };
}
