"""What goes over a network interface, as the system hands it to its driver: trains are one packet."""

import socket
import struct

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD


class Wire:
    """`packets` gives (source, source port, bytes) of the UDP packets since the last time."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def packets(self):
        found = []
        while True:
            try:
                packet, (_, protocol, *_) = self.socket.recvfrom(1 << 16)
            except BlockingIOError:
                return found
            if protocol == ETH_P_IP and packet[9] == socket.IPPROTO_UDP:
                family, source, start = socket.AF_INET, packet[12:16], (packet[0] & 15) * 4
            elif protocol == ETH_P_IPV6 and packet[6] == socket.IPPROTO_UDP:
                family, source, start = socket.AF_INET6, packet[8:24], 40
            else:
                continue
            port, _, length = struct.unpack_from("!HHH", packet, start)
            found.append((socket.inet_ntop(family, source), port, max(length, len(packet) - start) - 8))

    def close(self):
        self.socket.close()
