/* What a plugin in a process of its own would cost per packet (docs/decisions/021-crash-report.md): two processes, a ring of
 * shared memory each way, 1200 bytes per packet. The server's half writes a packet for the plugin, whose half reads it and
 * writes one for each of its receivers; the server's half copies each of those out, as it does for its own sending.
 *
 *   cc -O2 -Wall -Wextra benches/isolation/ring.c -o ring && ./ring
 *
 * A side that finds nothing sleeps (futex); who writes wakes it once per batch, and only if it sleeps. "direct": the same copies
 * behind a function call in one process. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 1024, SIZE = 1200 };

/* One writer, one reader. */
struct ring {
	_Alignas(64) _Atomic uint32_t written;
	_Alignas(64) _Atomic uint32_t read;
	_Alignas(64) _Atomic uint32_t sleeping;
	_Alignas(64) unsigned char slots[SLOTS][SIZE];
};

struct shared {
	struct ring to_plugin, to_server;
};

static void wake(struct ring *ring) {
	if(atomic_exchange(&ring->sleeping, 0))
		syscall(SYS_futex, &ring->sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Until there is something; how much. */
static uint32_t wait_for(struct ring *ring, uint32_t read) {
	for(;;) {
		uint32_t there = atomic_load(&ring->written) - read;
		if(there > 0)
			return there;
		atomic_store(&ring->sleeping, 1);
		if(atomic_load(&ring->written) == read)
			syscall(SYS_futex, &ring->sleeping, FUTEX_WAIT, 1, NULL, NULL, 0);
		atomic_store(&ring->sleeping, 0);
	}
}

static void push(struct ring *ring, uint32_t place, const unsigned char *packet) {
	/* A full ring: the other side is slow. */
	while(place - atomic_load(&ring->read) >= SLOTS) {
		wake(ring);
		usleep(10);
	}
	memcpy(ring->slots[place % SLOTS], packet, SIZE);
	atomic_store(&ring->written, place + 1);
}

static void plugin(struct shared *shared, uint32_t packets, int receivers) {
	unsigned char packet[SIZE];
	uint32_t read = 0, written = 0;
	while(read < packets) {
		uint32_t there = wait_for(&shared->to_plugin, read);
		for(; there > 0; there--) {
			memcpy(packet, shared->to_plugin.slots[read % SLOTS], SIZE);
			atomic_store(&shared->to_plugin.read, ++read);
			for(int i = 0; i < receivers; i++) {
				packet[0]++;
				push(&shared->to_server, written++, packet);
			}
		}
		wake(&shared->to_server);
	}
	wake(&shared->to_server);
}

static double seconds(struct timeval t) {
	return t.tv_sec + t.tv_usec / 1e6;
}

static double cpu(int who) {
	struct rusage usage;
	getrusage(who, &usage);
	return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static volatile unsigned sum;

/* `batch` packets arrive at once, as from one recvmmsg; then the server's half sleeps until all of theirs are back. */
static void two_processes(uint32_t packets, int batch, int receivers) {
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if(shared == MAP_FAILED)
		exit(1);
	unsigned char packet[SIZE] = { 0 }, out[SIZE];
	double cpu_before = cpu(RUSAGE_SELF), children = cpu(RUSAGE_CHILDREN), began = now();
	pid_t child = fork();
	if(child == 0) {
		plugin(shared, packets, receivers);
		_exit(0);
	}
	uint32_t written = 0, read = 0;
	while(written < packets) {
		for(int i = 0; i < batch && written < packets; i++)
			push(&shared->to_plugin, written++, packet);
		wake(&shared->to_plugin);
		while(read < written * (uint32_t)receivers) {
			uint32_t there = wait_for(&shared->to_server, read);
			for(; there > 0; there--) {
				memcpy(out, shared->to_server.slots[read % SLOTS], SIZE);
				sum += out[0];
				atomic_store(&shared->to_server.read, ++read);
			}
		}
	}
	waitpid(child, NULL, 0);
	double cost = cpu(RUSAGE_SELF) - cpu_before + cpu(RUSAGE_CHILDREN) - children, time = now() - began;
	printf("two processes, %2d per batch, %2d receivers: %6.0f ns of CPU per relayed packet, %6.0f ns of time\n", batch,
		receivers, cost * 1e9 / packets / receivers, time * 1e9 / packets / receivers);
	munmap(shared, sizeof(*shared));
}

static unsigned char outgoing[SLOTS][SIZE];

__attribute__((noinline)) static void relay(uint32_t place, const unsigned char *packet) {
	memcpy(outgoing[place % SLOTS], packet, SIZE);
	sum += outgoing[place % SLOTS][0];
}

static void direct(uint32_t packets, int receivers) {
	unsigned char packet[SIZE] = { 0 };
	double before = cpu(RUSAGE_SELF);
	for(uint32_t i = 0; i < packets; i++)
		for(int r = 0; r < receivers; r++) {
			packet[0]++;
			relay(i * receivers + r, packet);
		}
	printf("direct,                       %2d receivers: %6.0f ns of CPU per relayed packet\n", receivers,
		(cpu(RUSAGE_SELF) - before) * 1e9 / packets / receivers);
}

int main(void) {
	direct(2000000, 1);
	two_processes(200000, 1, 1);
	two_processes(1000000, 8, 1);
	two_processes(1000000, 32, 1);
	direct(100000, 50);
	two_processes(20000, 1, 50);
	two_processes(40000, 8, 50);
	two_processes(40000, 16, 50);
	return 0;
}
