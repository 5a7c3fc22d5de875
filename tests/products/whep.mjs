// whep.mjs JANUS PORT ROOM FEED: the WHEP server of npm, which uses Janode, with one endpoint "watch".
import { JanusWhepServer } from 'janus-whep-server';

const [address, port, room, feed] = process.argv.slice(2);
const server = new JanusWhepServer({ janus: { address }, rest: { port: Number(port), basePath: '/whep' } });
await server.start();
server.createEndpoint({ id: 'watch', plugin: 'videoroom', room: Number(room), feed: Number(feed) });
