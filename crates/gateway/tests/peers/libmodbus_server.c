// A server of libmodbus: input registers 0 to 199 of unit 17 hold 1000 and on, holding registers 2000 and on.
// Arguments: `tcp PORT`, or `serial DEVICE BAUD`.
#include <modbus.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    int tcp = strcmp(argv[1], "tcp") == 0;
    modbus_t *context = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                            : modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
    modbus_set_slave(context, 17);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 200, 200);
    for (int n = 0; n < 200; n++) {
        map->tab_input_registers[n] = 1000 + n;
        map->tab_registers[n] = 2000 + n;
    }
    int socket = -1;
    if (tcp) {
        socket = modbus_tcp_listen(context, 1);
        modbus_tcp_accept(context, &socket);
    } else if (modbus_connect(context) < 0) {
        return 1;
    }
    uint8_t request[MODBUS_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(context, request);
        if (length > 0)
            modbus_reply(context, request, length, map);
        else if (length < 0 && tcp)
            modbus_tcp_accept(context, &socket);
    }
}
