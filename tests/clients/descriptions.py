"""A strict reader of session descriptions (RFC 8866), and of answers to offers (RFC 3264, 8829, 8839, 8842, 8843)."""

import re

SESSION_LINES, MEDIA_LINES = "vosiuepcbtrzka", "micbka"
TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
# What may be answered to a direction (RFC 3264 §6.1).
ANSWERS = {"sendrecv": DIRECTIONS, "sendonly": ("recvonly", "inactive"), "recvonly": ("sendonly", "inactive"),
           "inactive": ("inactive",)}


class Wrong(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Wrong(what)


class Section:
    """The session's part or one m-line: `lines` of (type, value), and its attributes."""

    def __init__(self, lines):
        self.lines = lines
        self.attributes = [tuple(value.partition(":")[::2]) for kind, value in lines if kind == "a"]

    def values(self, name):
        return [value for known, value in self.attributes if known == name]

    def value(self, name):
        return next(iter(self.values(name)), None)

    def has(self, name):
        return bool(self.values(name))


class Media(Section):
    def __init__(self, lines):
        super().__init__(lines)
        found = re.fullmatch(rf"({TOKEN}) (\d+)(?:/\d+)? ({TOKEN}(?:/{TOKEN})*)((?: {TOKEN})+)", lines[0][1])
        require(found, f"m={lines[0][1]}")
        self.kind, self.port, self.profile = found[1], int(found[2]), found[3]
        self.formats = found[4].split()

    @property
    def mid(self):
        return self.value("mid")

    @property
    def is_rejected(self):
        return self.port == 0 and not self.has("bundle-only")

    @property
    def direction(self):
        return next((name for name in DIRECTIONS if self.has(name)), "sendrecv")

    @property
    def is_rtp(self):
        return "RTP" in self.profile


class Description:
    def __init__(self, text):
        require(text.endswith("\r\n"), "no line end at the end")
        lines = []
        for line in text[:-2].split("\r\n"):
            found = re.fullmatch(r"([a-z])=([^\r\n\0]+)", line)
            require(found, f"line {line!r}")
            lines.append((found[1], found[2]))
        starts = [at for at, (kind, _) in enumerate(lines) if kind == "m"] + [len(lines)]
        self.session = Section(lines[:starts[0]])
        self.media = [Media(lines[begin:end]) for begin, end in zip(starts, starts[1:])]
        self._check()

    def _check(self):
        for section, order in [(self.session, SESSION_LINES), *((media, MEDIA_LINES) for media in self.media)]:
            places = [order.find(kind) for kind, _ in section.lines]
            require(-1 not in places and places == sorted(places), f"order of {section.lines[:8]}")
            for name, value in section.attributes:
                require(re.fullmatch(TOKEN, name), f"attribute {name!r}")
            flags = [raw for kind, raw in section.lines if kind == "a" and raw.endswith(":")]
            require(not flags, f"values of {flags}")
            for kind, value in section.lines:
                if kind == "c":
                    require(re.fullmatch(r"IN IP[46] \S+", value), f"c={value}")
        kinds = [kind for kind, _ in self.session.lines]
        require(kinds[:3] == ["v", "o", "s"] and "t" in kinds, f"lines {kinds}")
        require(self.session.lines[0][1] == "0", "version")
        require(re.fullmatch(r"\S+ \d+ \d+ IN IP[46] \S+", self.session.lines[1][1]), self.session.lines[1][1])
        mids = [media.mid for media in self.media if media.mid is not None]
        require(len(set(mids)) == len(mids), f"mids {mids}")
        for media in self.media:
            require(len(set(media.formats)) == len(media.formats), f"formats {media.formats}")
            require(sum(media.has(name) for name in DIRECTIONS) <= 1, "directions")
            for name in ("mid", "ice-ufrag", "ice-pwd", "setup", "sctp-port", "max-message-size"):
                require(len(media.values(name)) <= 1, f"{name} more than once")
            for value in media.values("candidate"):
                require(re.fullmatch(r"[\w+/]{1,32} [12] (?:udp|tcp|UDP|TCP) \d{1,10} \S+ \d{1,5} typ (?:host|srflx|prflx|relay)"
                                     r"(?: \S+ \S+)*", value), f"candidate {value}")
            if media.is_rtp and not media.is_rejected:
                mapped = [value.split(" ")[0] for value in media.values("rtpmap")]
                require(set(mapped) <= set(media.formats), f"rtpmap of {mapped} among {media.formats}")
                dynamic = {number for number in media.formats if int(number) >= 96}
                require(dynamic <= set(mapped), f"no rtpmap of {dynamic - set(mapped)}")
                for name in ("fmtp", "rtcp-fb"):
                    about = {value.split(" ")[0] for value in media.values(name)} - {"*"}
                    require(about <= set(media.formats), f"{name} of {about} among {media.formats}")


def check_answer(offer, answer):
    """Whether the second description may be the answer to the first."""
    require(len(answer.media) == len(offer.media), "number of m-lines")
    bundles = [value.split(" ")[1:] for value in answer.session.values("group") if value.startswith("BUNDLE ")]
    require(len(bundles) <= 1, "groups")
    for offered, media in zip(offer.media, answer.media):
        where = f"m={media.kind} {media.mid}"
        require((media.kind, media.profile) == (offered.kind, offered.profile), f"{where}: {media.profile}")
        require(media.mid == offered.mid, f"{where}: mid, offered {offered.mid}")
        if media.port == 0:
            require(not bundles or media.mid not in bundles[0], f"{where}: rejected, and in the bundle")
            continue
        require(not offered.is_rejected, f"{where}: was rejected by the offer")
        require(media.direction in ANSWERS[offered.direction], f"{where}: {media.direction} to {offered.direction}")
        require(4 <= len(media.value("ice-ufrag") or "") <= 256, f"{where}: ice-ufrag")
        require(22 <= len(media.value("ice-pwd") or "") <= 256, f"{where}: ice-pwd")
        require(media.value("setup") in ("active", "passive"), f"{where}: setup {media.value('setup')}")
        fingerprint = media.value("fingerprint") or answer.session.value("fingerprint") or ""
        require(re.fullmatch(r"sha-256 [0-9A-F]{2}(?::[0-9A-F]{2}){31}", fingerprint), f"{where}: {fingerprint}")
        require(not bundles or media.mid in bundles[0], f"{where}: not in the bundle")
        if media.is_rtp:
            require(set(media.formats) <= set(offered.formats), f"{where}: {media.formats} of {offered.formats}")
            require(media.has("rtcp-mux"), f"{where}: rtcp-mux")
            known = {value.split(" ")[1]: value.split(" ")[0].split("/")[0] for value in offered.values("extmap")}
            for value in media.values("extmap"):
                number, uri = value.split(" ")[:2]
                require(known.get(uri) == number.split("/")[0], f"{where}: extmap {value}")
        else:
            require(media.has("sctp-port") or media.has("sctpmap"), f"{where}: no port of SCTP")
