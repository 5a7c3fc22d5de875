// libraries.mjs JANUS: what two libraries of npm, Janode and janus.js, learn from a server. One line of JSON.
import Janode from 'janode';
import VideoRoom from 'janode/plugins/videoroom';
import websocket from 'websocket';

const url = process.argv[2];
const result = {};

const connection = await Janode.connect({ address: { url } });
const session = await connection.create();
const room = await session.attach(VideoRoom);
result.janode = {
  rooms: (await room.list()).list.map(({ room }) => room).sort(),
  exists: (await room.exists({ room: 1234 })).exists,
  created: (await room.create({ room: 77, is_private: true })).room,
  joined: (await room.joinPublisher({ room: 77, display: 'someone' })).display,
  participants: (await room.listParticipants({ room: 77 })).participants.length,
};
await room.detach();
await session.destroy();
await connection.close();

// It is made for browsers: only what stays away from media is tried.
globalThis.window = globalThis;
globalThis.addEventListener = () => {};
globalThis.navigator = { platform: '', userAgent: '' };
globalThis.RTCPeerConnection = class {};
globalThis.document = { querySelectorAll: () => [] };
globalThis.WebSocket = websocket.w3cwebsocket;
const { default: Janus } = await import('janus-gateway');
const done = (act) => new Promise((success, error) => act({ success, error }));
await new Promise((callback) => Janus.init({ callback, dependencies: Janus.useDefaultDependencies({ extension: { init() {} }, adapter: { browserDetails: { browser: 'node' } }, WebSocket: websocket.w3cwebsocket }) }));
const janus = await new Promise((resolve, error) => {
  const one = new Janus({ server: url, success: () => resolve(one), error, destroyed() {} });
});
const handle = await done((callbacks) => janus.attach({ plugin: 'janus.plugin.videoroom', ...callbacks }));
result.janus_js = { rooms: (await done((callbacks) => handle.send({ message: { request: 'list' }, ...callbacks }))).list.length };
await done((callbacks) => janus.destroy(callbacks));
console.log(JSON.stringify(result));
process.exit(0);
