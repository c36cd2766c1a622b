/**
 * One end of a connection for tests: `serve tcp|udp HOST PORT NAME` answers who asked; `ask tcp|udp HOST PORT [OWN-PORT]`
 * prints that.
 */
import { createSocket } from 'node:dgram';
import { createConnection, createServer, isIPv6 } from 'node:net';

const [mode, protocol, host = '', portText = '', name = ''] = process.argv.slice(2);
const port = Number(portText);
const datagram = () => createSocket(isIPv6(host) ? 'udp6' : 'udp4');
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

if (mode === 'serve' && protocol === 'tcp') {
  const answer = (address: string | undefined) => `${name} saw ${address?.replace(/^::ffff:/, '')}`;
  createServer((socket) => socket.end(answer(socket.remoteAddress))).listen(port, host, () =>
    say('listening'),
  );
} else if (mode === 'serve') {
  const socket = datagram();
  socket.on('message', (_, from) => socket.send(`${name} saw ${from.address}`, from.port, from.address));
  socket.bind(port, host, () => say('listening'));
} else {
  setTimeout(() => {
    say('error timed out');
    process.exit(0);
  }, 1500);
  if (protocol === 'tcp') {
    const socket = createConnection({ host, port });
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.on('end', () => {
      say(text);
      process.exit(0);
    });
    socket.on('error', (error) => {
      say(`error ${error.message}`);
      process.exit(0);
    });
  } else {
    const socket = datagram();
    socket.on('message', (text) => {
      say(text.toString());
      process.exit(0);
    });
    // Given a port of its own, it is the same flow as before.
    socket.bind(Number(name), () => socket.send('?', port, host));
  }
}
