"""janus_rs.h as ctypes sees it: structs, functions, and errors with the library's text."""

import ctypes
import os
from ctypes import (POINTER, Structure, byref, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p)
from pathlib import Path


class Error(Exception):
    """A call that failed; it has changed nothing. `code` is a name such as "JANUS_RS_EAGAIN"."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class _Sized(Structure):
    """Begins with its size; what is not given is zero."""

    def __init__(self, **members):
        super().__init__(size=ctypes.sizeof(self), **members)

    def as_dict(self):
        """Members by name; texts as str."""
        value = {name: getattr(self, name) for name, *_ in self._fields_ if name != "size"}
        return {name: v.decode() if isinstance(v, bytes) else v for name, v in value.items()}


class Options(_Sized):
    _fields_ = [("size", c_size_t), ("flags", c_uint32), ("workers", c_uint32), ("config_folder", c_char_p), ("log", c_void_p),
                ("thread_started", c_void_p), ("thread_ended", c_void_p), ("user", c_void_p)]


class Event(_Sized):
    _fields_ = [("size", c_size_t), ("type", c_uint32), ("flags", c_uint32), ("code", c_int32), ("mindex", c_int32),
                ("client", c_uint64), ("tag", c_uint64), ("session", c_uint64), ("handle", c_uint64), ("peer", c_uint64),
                ("channel", c_uint64), ("number", c_int64), ("time", c_int64), ("text", c_char_p), ("data", c_void_p),
                ("length", c_size_t), ("user", c_void_p)]


class ClientOptions(_Sized):
    _fields_ = [("size", c_size_t), ("name", c_char_p), ("admin", c_int), ("trusted", c_int), ("user", c_void_p)]


class Counters(_Sized):
    _fields_ = [("size", c_size_t)] + [(name, c_uint64) for name in (
        "clients", "sessions", "handles", "peers_connected", "received_packets", "sent_packets", "requests_waiting",
        "events_waiting", "events_lost", "peers", "channels", "links", "send_calls", "dropped_packets", "slow_calls")]


class PeerOptions(_Sized):
    _fields_ = [("size", c_size_t), ("flags", c_uint32), ("worker", c_uint32), ("name", c_char_p), ("user", c_void_p),
                ("rtp", c_void_p), ("rtcp", c_void_p)]


class PeerInfo(_Sized):
    _fields_ = [("size", c_size_t), ("state", c_int32), ("signaling", c_int32), ("ice", c_int32), ("dtls", c_int32),
                ("sctp", c_int32), ("ice_controlling", c_int32), ("dtls_client", c_int32), ("worker", c_uint32),
                ("local", c_char * 64), ("remote", c_char * 64), ("local_type", c_char * 8), ("remote_type", c_char * 8),
                ("srtp", c_char * 32), ("remote_fingerprint", c_char * 256), ("connected_at", c_int64),
                ("received_packets", c_uint64), ("received_bytes", c_uint64), ("sent_packets", c_uint64),
                ("sent_bytes", c_uint64), ("remote_max_message", c_int64), ("channels", c_uint32), ("last_received", c_int64),
                ("round_trip", c_int64), ("lost_in", c_uint64), ("lost_out", c_uint64)]


class Media(_Sized):
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("direction", c_int32), ("codecs", c_char_p), ("mid", c_char_p),
                ("msid", c_char_p), ("extensions", c_char_p)]


class MediaInfo(_Sized):
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("direction", c_int32), ("mid", c_char * 32), ("codec", c_char * 16),
                ("payload_type", c_int32), ("ssrc", c_uint32), ("layers", c_int32), ("linked", c_int32)]


class Link(_Sized):
    _fields_ = [("size", c_size_t), ("from_", c_uint64), ("to", c_uint64), ("from_mindex", c_int32), ("to_mindex", c_int32),
                ("layers", c_int32), ("temporal_layers", c_int32), ("paused", c_int32)]


class ChannelOptions(_Sized):
    _fields_ = [("size", c_size_t), ("protocol", c_char_p), ("unordered", c_int32), ("reliability", c_int32), ("limit", c_int32),
                ("negotiated", c_int32), ("id", c_int32), ("low", c_size_t), ("user", c_void_p)]


def _library():
    """The one that came with this package, else the system's. Its names are for modules, too."""
    inside = Path(__file__).with_name("libjanus_rs.so.0")
    name = os.environ.get("JANUS_RS_LIBRARY") or (str(inside) if inside.exists() else "libjanus_rs.so.0")
    return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)


_lib = _library()
_lib.janus_rs_error.restype = _lib.janus_rs_error_name.restype = _lib.janus_rs_version.restype = c_char_p
_lib.janus_rs_channel_buffered.restype = c_int64
_number, _text, _struct, _int = c_uint64, c_char_p, c_void_p, c_int32
_ARGUMENTS = {
    "open": [POINTER(c_void_p), _struct], "set": [_struct, _text, _text], "start": [_struct], "stop": [_struct, c_int],
    "close": [_struct], "drain": [_struct, c_int], "load": [_struct, c_int, _text],
    "load_folder": [_struct, c_int, _text, _text], "config": [_struct, _text, _text],
    "queue_open": [_struct, POINTER(c_void_p), _struct], "queue_fd": [_struct], "next": [_struct, _struct, c_int],
    "client_open": [_struct, _struct, _struct, POINTER(c_uint64)], "client_close": [_struct, _number],
    "request": [_struct, _number, c_uint64, c_uint32, _text, c_size_t],
    "peer_open": [_struct, _struct, _struct, POINTER(c_uint64)], "peer_close": [_struct, _number],
    "peer_describe": [_struct, _number, c_uint32, POINTER(c_void_p)], "peer_accept": [_struct, _number, _text],
    "peer_candidate": [_struct, _number, _text, _text], "peer_get": [_struct, _number, _struct],
    "inspect": [_struct, _number, POINTER(c_void_p)],
    "channel_open": [_struct, _number, _text, _struct, POINTER(c_uint64)],
    "channel_send": [_struct, _number, c_int, c_char_p, c_size_t], "channel_buffered": [_struct, _number],
    "channel_close": [_struct, _number], "count": [_struct, _struct],
    "addresses": [_struct, POINTER(c_void_p)], "metrics": [_struct, c_int, POINTER(c_void_p)],
    "peer_media": [_struct, _number, _struct],
    "peer_direction": [_struct, _number, _int, c_int], "media_get": [_struct, _number, _int, _struct],
    "send_rtp": [_struct, _number, _int, c_char_p, c_size_t], "send_rtcp": [_struct, _number, _int, c_char_p, c_size_t],
    "ask_keyframe": [_struct, _number, _int], "limit_bitrate": [_struct, _number, c_uint32], "link_set": [_struct, _struct],
    "link_clear": [_struct, _number, _int], "free": [c_void_p],
}
for _name, _arguments in _ARGUMENTS.items():
    getattr(_lib, f"janus_rs_{_name}").argtypes = _arguments


def call(name, *arguments):
    """janus_rs_<name>(…): its result, or an exception."""
    result = getattr(_lib, f"janus_rs_{name}")(*arguments)
    if result < 0:
        raise Error(_lib.janus_rs_error_name(result).decode(), _lib.janus_rs_error().decode())
    return result


def number(name, *arguments):
    """The same, of a function that gives a number away."""
    out = c_uint64()
    call(name, *arguments, byref(out))
    return out.value


def text(name, *arguments):
    """The same, of a function that gives text away."""
    out = c_void_p()
    call(name, *arguments, byref(out))
    value = ctypes.string_at(out).decode()
    _lib.janus_rs_free(out)
    return value


def version():
    return _lib.janus_rs_version().decode()
