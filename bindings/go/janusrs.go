// Package janusrs is WebRTC, and the Janus core, inside a Go program: peers, data channels, media, the Janus API.
//
//	core, err := janusrs.Start(nil)
//	peer, err := core.Peer(janusrs.PeerOptions{})
//	channel, err := peer.Channel("cat-noises", janusrs.ChannelOptions{})
//	offer, err := peer.Describe(false) // to the other side, in whatever way
//	err = peer.Accept(answer)          // and back
//
// Handlers (On…) are called one at a time, on a goroutine of the core: set them before the descriptions are exchanged, or in
// the handler that has handed the object out. Packets that one peer sends to another are forwarded by the library (Core.Link).
package janusrs

/*
#cgo pkg-config: janus_rs
#include <janus_rs.h>
#include <stdlib.h>
*/
import "C"

import (
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"unsafe"
)

// Error is a call that failed; it has changed nothing. Code is a name such as "JANUS_RS_EAGAIN".
type Error struct {
	Code, Text string
}

func (e *Error) Error() string { return e.Code + ": " + e.Text }

// ErrClosed is what waits for a core that is closed meanwhile.
var ErrClosed = errors.New("the core was closed")

// call runs a function of the library; the text of its error belongs to the thread.
func call(function func() C.int) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	result := function()
	if result < 0 {
		return 0, &Error{C.GoString(C.janus_rs_error_name(result)), C.GoString(C.janus_rs_error())}
	}
	return int(result), nil
}

// given is for functions that give a text away.
func given(function func(out **C.char) C.int) (string, error) {
	var out *C.char
	if _, err := call(func() C.int { return function(&out) }); err != nil {
		return "", err
	}
	defer C.janus_rs_free(unsafe.Pointer(out))
	return C.GoString(out), nil
}

func only(_ int, err error) error { return err }

// text is a copy for C, nil for "".
func text(s string) *C.char {
	if s == "" {
		return nil
	}
	return C.CString(s)
}

func free(s *C.char) { C.free(unsafe.Pointer(s)) }

func flag(on bool, value uint32) C.uint32_t {
	if on {
		return C.uint32_t(value)
	}
	return 0
}

func integer(on bool) C.int32_t { return C.int32_t(flag(on, 1)) }

// Event is what an object has no handler of its own for.
type Event struct {
	Type   int
	Flags  uint32
	Code   int
	Mindex int
	Number int64
	Text   string
	Data   []byte
}

// Types of events.
const (
	EventState     = int(C.JANUS_RS_EVENT_STATE)
	EventCandidate = int(C.JANUS_RS_EVENT_CANDIDATE)
	EventPath      = int(C.JANUS_RS_EVENT_PATH)
	EventMedia     = int(C.JANUS_RS_EVENT_MEDIA)
	EventKeyframe  = int(C.JANUS_RS_EVENT_KEYFRAME)
	EventBitrate   = int(C.JANUS_RS_EVENT_BITRATE)
	EventSlow      = int(C.JANUS_RS_EVENT_SLOW)
	EventRTP       = int(C.JANUS_RS_EVENT_RTP)
	EventRTCP      = int(C.JANUS_RS_EVENT_RTCP)
)

// Core is an instance of the core.
type Core struct {
	core     *C.janus_rs
	queue    *C.janus_rs_queue
	ended    chan struct{}
	mutex    sync.Mutex
	peers    map[uint64]*Peer
	channels map[uint64]*Channel
	clients  map[uint64]*Client
}

// Start opens and starts an instance. config has options of janus.jcfg by name: {"nat.ice_lite": "true"}. plugins are files.
func Start(config map[string]string, plugins ...string) (*Core, error) {
	core := &Core{
		ended: make(chan struct{}), peers: map[uint64]*Peer{}, channels: map[uint64]*Channel{}, clients: map[uint64]*Client{},
	}
	options := C.janus_rs_options{size: C.sizeof_janus_rs_options, flags: flag(len(plugins) > 0, 1)}
	if _, err := call(func() C.int { return C.janus_rs_open(&core.core, &options) }); err != nil {
		return nil, err
	}
	fail := func(err error) (*Core, error) {
		C.janus_rs_close(core.core)
		return nil, err
	}
	for name, value := range config {
		n, v := C.CString(name), C.CString(value)
		_, err := call(func() C.int { return C.janus_rs_set(core.core, n, v) })
		free(n)
		free(v)
		if err != nil {
			return fail(err)
		}
	}
	for _, file := range plugins {
		f := C.CString(file)
		_, err := call(func() C.int { return C.janus_rs_load(core.core, C.JANUS_RS_PLUGIN, f) })
		free(f)
		if err != nil {
			return fail(err)
		}
	}
	if _, err := call(func() C.int { return C.janus_rs_start(core.core) }); err != nil {
		return fail(err)
	}
	if _, err := call(func() C.int { return C.janus_rs_queue_open(core.core, &core.queue, nil) }); err != nil {
		return fail(err)
	}
	go core.run()
	return core, nil
}

// Close ends everything that it has. Not in a handler.
func (c *Core) Close() error {
	if _, err := call(func() C.int { return C.janus_rs_stop(c.core, -1) }); err != nil {
		return err
	}
	<-c.ended
	return only(call(func() C.int { return C.janus_rs_close(c.core) }))
}

func (c *Core) run() {
	defer close(c.ended)
	for {
		event := C.janus_rs_event{size: C.sizeof_janus_rs_event}
		if taken, err := call(func() C.int { return C.janus_rs_next(c.queue, &event, -1) }); err != nil {
			return
		} else if taken > 0 {
			if event._type == C.JANUS_RS_EVENT_STOPPED {
				break
			}
			c.take(&event)
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, client := range c.clients {
		for _, reply := range client.replies {
			close(reply)
		}
	}
}

func (c *Core) take(raw *C.janus_rs_event) {
	event := Event{
		Type: int(raw._type), Flags: uint32(raw.flags), Code: int(raw.code), Mindex: int(raw.mindex), Number: int64(raw.number),
	}
	if raw._type == C.JANUS_RS_EVENT_MESSAGE || event.Type == EventRTP || event.Type == EventRTCP {
		event.Data = C.GoBytes(raw.data, C.int(raw.length))
	} else {
		event.Text = C.GoStringN(raw.text, C.int(raw.length))
	}
	c.mutex.Lock()
	channel, peer, client := c.channels[uint64(raw.channel)], c.peers[uint64(raw.peer)], c.clients[uint64(raw.client)]
	switch raw._type {
	case C.JANUS_RS_EVENT_CHANNEL:
		channel = &Channel{Peer: peer, Label: event.Text, number: uint64(raw.channel)}
		c.channels[channel.number] = channel
	case C.JANUS_RS_EVENT_CHANNEL_CLOSED:
		delete(c.channels, uint64(raw.channel))
	case C.JANUS_RS_EVENT_CLOSED:
		delete(c.peers, uint64(raw.peer))
	}
	c.mutex.Unlock()
	switch {
	case raw._type == C.JANUS_RS_EVENT_CHANNEL:
		if peer.OnChannel != nil {
			peer.OnChannel(channel)
		}
	case channel != nil:
		channel.take(event)
	case peer != nil:
		peer.take(event)
	case client != nil:
		client.take(event, uint64(raw.tag))
	}
}

// Peer is a PeerConnection.
type Peer struct {
	core      *Core
	number    uint64
	OnState   func(state string)
	OnChannel func(channel *Channel)
	OnClosed  func(reason string)
	OnEvent   func(event Event)
}

// PeerOptions say what a peer is opened with.
type PeerOptions struct {
	Name string
	// Candidates come as events; media that nobody has asked for are taken; RTP and RTCP come as events.
	Trickle, AcceptMedia, RTPEvents bool
}

// Peer opens a PeerConnection.
func (c *Core) Peer(options PeerOptions) (*Peer, error) {
	name := text(options.Name)
	defer free(name)
	raw := C.janus_rs_peer_options{
		size: C.sizeof_janus_rs_peer_options, name: name,
		flags: flag(options.Trickle, 1) | flag(options.AcceptMedia, 2) | flag(options.RTPEvents, 4),
	}
	var number C.janus_rs_peer
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if _, err := call(func() C.int { return C.janus_rs_peer_open(c.core, c.queue, &raw, &number) }); err != nil {
		return nil, err
	}
	peer := &Peer{core: c, number: uint64(number)}
	c.peers[peer.number] = peer
	return peer, nil
}

func (p *Peer) id() C.janus_rs_peer { return C.janus_rs_peer(p.number) }

// Describe gives our offer, or our answer to the offer that was accepted: SDP.
func (p *Peer) Describe(restart bool) (string, error) {
	return given(func(sdp **C.char) C.int { return C.janus_rs_peer_describe(p.core.core, p.id(), flag(restart, 1), sdp) })
}

// PeerInfo is what is known of a peer: janus_rs_peer_info. Microseconds; times of CLOCK_MONOTONIC.
type PeerInfo struct {
	State, ICE                                    int
	ConnectedAt, LastReceived, RoundTrip          int64 // the last is -1 where it is not known
	ReceivedPackets, SentPackets, LostIn, LostOut uint64
}

// Info says what is known of the peer; it never waits.
func (p *Peer) Info() (PeerInfo, error) {
	info := C.janus_rs_peer_info{size: C.sizeof_janus_rs_peer_info}
	_, err := call(func() C.int { return C.janus_rs_peer_get(p.core.core, p.id(), &info) })
	return PeerInfo{int(info.state), int(info.ice), int64(info.connected_at), int64(info.last_received), int64(info.round_trip),
		uint64(info.received_packets), uint64(info.sent_packets), uint64(info.lost_in), uint64(info.lost_out)}, err
}

// Accept takes the other side's description: SDP, or what browsers write as JSON.
func (p *Peer) Accept(description string) error {
	s := C.CString(description)
	defer free(s)
	return only(call(func() C.int { return C.janus_rs_peer_accept(p.core.core, p.id(), s) }))
}

// Candidate takes a candidate of the other side; "" is the end of them.
func (p *Peer) Candidate(candidate, mid string) error {
	s, m := text(candidate), text(mid)
	defer free(s)
	defer free(m)
	return only(call(func() C.int { return C.janus_rs_peer_candidate(p.core.core, p.id(), m, s) }))
}

// Kinds and directions of media.
const (
	Audio, Video                           = 1, 2
	SendRecv, SendOnly, RecvOnly, Inactive = 0, 1, 2, 3
)

// Media adds audio or video to the next offer, or says how the answer takes the other side's; the index of its m-line.
func (p *Peer) Media(kind, direction int, codecs string) (int, error) {
	s := text(codecs)
	defer free(s)
	media := C.janus_rs_media{
		size: C.sizeof_janus_rs_media, kind: C.int32_t(kind), direction: C.int32_t(direction), codecs: s,
	}
	return call(func() C.int { return C.janus_rs_peer_media(p.core.core, p.id(), &media) })
}

// SendRTP sends one packet: payload type, numbers and marker are the program's.
func (p *Peer) SendRTP(mindex int, packet []byte) error {
	if len(packet) == 0 {
		return &Error{"JANUS_RS_EINVAL", "the packet is empty"}
	}
	return only(call(func() C.int {
		return C.janus_rs_send_rtp(p.core.core, p.id(), C.int32_t(mindex), unsafe.Pointer(&packet[0]), C.size_t(len(packet)))
	}))
}

// AskKeyframe asks for a key frame of a video that the peer sends.
func (p *Peer) AskKeyframe(mindex int) error {
	return only(call(func() C.int { return C.janus_rs_ask_keyframe(p.core.core, p.id(), C.int32_t(mindex)) }))
}

// Close says goodbye; OnClosed follows.
func (p *Peer) Close() error {
	return only(call(func() C.int { return C.janus_rs_peer_close(p.core.core, p.id()) }))
}

func (p *Peer) take(event Event) {
	switch {
	case event.Type == EventState && p.OnState != nil:
		p.OnState(event.Text)
	case event.Type == int(C.JANUS_RS_EVENT_CLOSED) && p.OnClosed != nil:
		p.OnClosed(event.Text)
	case p.OnEvent != nil:
		p.OnEvent(event)
	}
}

// Link forwards what one peer sends on a medium to a medium of another, inside the library. layers: at most so many of
// simulcast or scalable video; 0: all that the receiver's path takes.
func (c *Core) Link(from *Peer, fromMindex int, to *Peer, toMindex int, layers int) error {
	link := C.janus_rs_link{
		size: C.sizeof_janus_rs_link, from: from.id(), to: to.id(), from_mindex: C.int32_t(fromMindex),
		to_mindex: C.int32_t(toMindex), layers: C.int32_t(layers),
	}
	return only(call(func() C.int { return C.janus_rs_link_set(c.core, &link) }))
}

// Metrics is OpenMetrics text, for a /metrics of one's own.
func (c *Core) Metrics() (string, error) {
	return given(func(out **C.char) C.int { return C.janus_rs_metrics(c.core, C.JANUS_RS_OPENMETRICS, out) })
}

// Unlink ends it.
func (c *Core) Unlink(to *Peer, toMindex int) error {
	return only(call(func() C.int { return C.janus_rs_link_clear(c.core, to.id(), C.int32_t(toMindex)) }))
}

// Channel is a data channel.
type Channel struct {
	Peer      *Peer
	Label     string
	number    uint64
	OnOpen    func()
	OnMessage func(data []byte, binary bool)
	OnLow     func()
	OnClosed  func(reason string)
}

// ChannelOptions are those of RTCDataChannelInit.
type ChannelOptions struct {
	Protocol  string
	Unordered bool
	// Not 0: at most so many retransmissions, or so many ms.
	MaxRetransmits, MaxLifetime int
}

// Channel opens a data channel; it may be sent on at once.
func (p *Peer) Channel(label string, options ChannelOptions) (*Channel, error) {
	l, protocol := C.CString(label), text(options.Protocol)
	defer free(l)
	defer free(protocol)
	raw := C.janus_rs_channel_options{
		size: C.sizeof_janus_rs_channel_options, protocol: protocol, unordered: integer(options.Unordered),
	}
	if options.MaxRetransmits > 0 {
		raw.reliability, raw.limit = C.JANUS_RS_MAX_RETRANSMITS, C.int32_t(options.MaxRetransmits)
	} else if options.MaxLifetime > 0 {
		raw.reliability, raw.limit = C.JANUS_RS_MAX_LIFETIME, C.int32_t(options.MaxLifetime)
	}
	var number C.janus_rs_channel
	p.core.mutex.Lock()
	defer p.core.mutex.Unlock()
	if _, err := call(func() C.int {
		return C.janus_rs_channel_open(p.core.core, p.id(), l, &raw, &number)
	}); err != nil {
		return nil, err
	}
	channel := &Channel{Peer: p, Label: label, number: uint64(number)}
	p.core.channels[channel.number] = channel
	return channel, nil
}

// Send sends a whole message. "JANUS_RS_EAGAIN": 16 MiB wait already, and OnLow follows.
func (c *Channel) Send(data []byte, binary bool) error {
	var first unsafe.Pointer
	if len(data) > 0 {
		first = unsafe.Pointer(&data[0])
	}
	return only(call(func() C.int {
		id := C.janus_rs_channel(c.number)
		return C.janus_rs_channel_send(c.Peer.core.core, id, C.int(integer(binary)), first, C.size_t(len(data)))
	}))
}

// Close delivers what was sent; OnClosed follows.
func (c *Channel) Close() error {
	return only(call(func() C.int { return C.janus_rs_channel_close(c.Peer.core.core, C.janus_rs_channel(c.number)) }))
}

func (c *Channel) take(event Event) {
	switch {
	case event.Type == int(C.JANUS_RS_EVENT_CHANNEL_OPEN) && c.OnOpen != nil:
		c.OnOpen()
	case event.Type == int(C.JANUS_RS_EVENT_MESSAGE) && c.OnMessage != nil:
		c.OnMessage(event.Data, event.Flags&1 != 0)
	case event.Type == int(C.JANUS_RS_EVENT_LOW) && c.OnLow != nil:
		c.OnLow()
	case event.Type == int(C.JANUS_RS_EVENT_CHANNEL_CLOSED) && c.OnClosed != nil:
		c.OnClosed(event.Text)
	}
}

// Client is a client of the Janus API.
type Client struct {
	core    *Core
	number  uint64
	tags    uint64
	replies map[uint64]chan json.RawMessage
	OnEvent func(event json.RawMessage)
}

// Client opens a client; a trusted one is not asked for secrets.
func (c *Core) Client(admin, trusted bool) (*Client, error) {
	raw := C.janus_rs_client_options{
		size: C.sizeof_janus_rs_client_options, admin: C.int(integer(admin)), trusted: C.int(integer(trusted)),
	}
	var number C.janus_rs_client
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if _, err := call(func() C.int { return C.janus_rs_client_open(c.core, c.queue, &raw, &number) }); err != nil {
		return nil, err
	}
	client := &Client{core: c, number: uint64(number), replies: map[uint64]chan json.RawMessage{}}
	c.clients[client.number] = client
	return client, nil
}

// Request waits for the reply to a request, which has a "transaction". Not in a handler.
func (c *Client) Request(message any) (json.RawMessage, error) {
	data, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	s := C.CString(string(data))
	defer free(s)
	reply := make(chan json.RawMessage, 1)
	c.core.mutex.Lock()
	c.tags++
	tag := c.tags
	c.replies[tag] = reply
	c.core.mutex.Unlock()
	if _, err := call(func() C.int {
		id := C.janus_rs_client(c.number)
		return C.janus_rs_request(c.core.core, id, C.uint64_t(tag), 0, s, C.size_t(len(data)))
	}); err != nil {
		return nil, err
	}
	answer, ok := <-reply
	if !ok {
		return nil, ErrClosed
	}
	return answer, nil
}

func (c *Client) take(event Event, tag uint64) {
	if event.Type == int(C.JANUS_RS_EVENT_REPLY) {
		c.core.mutex.Lock()
		defer c.core.mutex.Unlock()
		if reply, ok := c.replies[tag]; ok {
			reply <- json.RawMessage(event.Text)
			delete(c.replies, tag)
		}
	} else if event.Type == int(C.JANUS_RS_EVENT_JANUS) && c.OnEvent != nil {
		c.OnEvent(json.RawMessage(event.Text))
	}
}
