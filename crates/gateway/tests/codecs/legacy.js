// The older forms, as they are written: sloppy.
function Decoder(bytes, port) {
  decoded = {};
  decoded.port = port;
  decoded.value = bytes[0] << 8 | bytes[1];
  return decoded;
}
