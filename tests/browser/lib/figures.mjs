// What getStats says, in any page: every RTCPeerConnection is remembered as it is made.

/** To be evaluated before the page's own scripts. */
export const REMEMBER = `
	window.connections = [];
	window.RTCPeerConnection = class extends window.RTCPeerConnection {
		constructor(...args) {
			super(...args);
			window.connections.push(this);
			// Its states, in order.
			this.life = [];
			for (const state of ['signalingState', 'iceConnectionState', 'connectionState']) {
				this.addEventListener(state.toLowerCase() + 'change', () => this.life.push(performance.now().toFixed() + ':' + this[state]));
			}
		}
	};
`;

/** Totals over all connections of the page. */
export function figures(page) {
	return page.evaluate(async () => {
		const total = { frames: 0, videoBytes: 0, audioBytes: 0, messages: 0, state: [] };
		for (const pc of window.connections) {
			total.state.push(pc.connectionState);
			for (const s of (await pc.getStats()).values()) {
				if (s.type === 'inbound-rtp' && s.kind === 'video') {
					total.frames += s.framesDecoded ?? 0;
					total.videoBytes += s.bytesReceived ?? 0;
				}
				if (s.type === 'inbound-rtp' && s.kind === 'audio') total.audioBytes += s.bytesReceived ?? 0;
				if (s.type === 'data-channel') total.messages += s.messagesReceived ?? 0;
			}
		}
		return total;
	});
}

/** Opens a page that remembers its connections. `script` is evaluated then, too; it finds `functions` of ours in its window. */
export async function openPage(browser, url, { script = '', functions = {} } = {}) {
	const page = await browser.page();
	for (const [name, of] of Object.entries(functions)) await page.exposeFunction(name, of);
	if (page.addInitScript) await page.addInitScript(REMEMBER + script);
	else await page.evaluateOnNewDocument(new Function(REMEMBER + script));
	await page.goto(url);
	return page;
}
