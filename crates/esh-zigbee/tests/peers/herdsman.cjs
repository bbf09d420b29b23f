// Encodes and decodes with zigbee-herdsman what a test asks on the standard input, an array of questions in JSON:
// {"zcl": [command, cluster, payload]}, {"read": hex, "cluster": number}, {"zdo": [cluster, ...arguments]} and
// {"answer": hex, "cluster": number}. A number of more than 53 bits is a text that ends in n.
const [, , modules] = process.argv;
const Zcl = require(`${modules}/zigbee-herdsman/dist/zspec/zcl`);
const Zdo = require(`${modules}/zigbee-herdsman/dist/zspec/zdo`);

const big = (_, value) => (typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value);
const small = (_, value) => (typeof value === 'bigint' ? `${value}n` : value);

function ask(question) {
    if (question.zcl) {
        const [command, cluster, payload] = question.zcl;
        const toClient = Zcl.Direction.SERVER_TO_CLIENT;
        return Zcl.Frame.create(Zcl.FrameType.GLOBAL, toClient, true, undefined, 77, command, cluster, payload, {}, 0)
            .toBuffer()
            .toString('hex');
    }
    if (question.read) {
        const octets = Buffer.from(question.read, 'hex');
        const frame = Zcl.Frame.fromBuffer(question.cluster, Zcl.Header.fromBuffer(octets), octets, {});
        return { tsn: frame.header.transactionSequenceNumber, command: frame.command.name, payload: frame.payload };
    }
    if (question.zdo) {
        return Zdo.Buffalo.buildRequest(true, ...question.zdo).toString('hex');
    }
    const [status, answer] = Zdo.Buffalo.readResponse(true, question.cluster, Buffer.from(question.answer, 'hex'));
    return { status, answer };
}

let text = '';
process.stdin.on('data', (more) => (text += more));
process.stdin.on('end', () => process.stdout.write(JSON.stringify(JSON.parse(text, big).map(ask), small)));
